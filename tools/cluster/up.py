"""Bring a node up, or complete one: named steps, each of which may be cut short and run again."""

import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import console, debian, image_build, toolchain
from tools.cluster import addons, forward, kube, namespaces, node, preflight
from tools.cluster.instance import Instance, ports
from tools.errors import ToolError

Object = dict[str, Any]

NEEDED_PODS = ("kube-proxy", "kube-dns", "local-path-provisioner")
"""Label values of the pods that workloads depend on; metrics-server is none: it first measures twice."""
READY_TIMEOUT = 600.0
STOP_AFTER = "CARBON_STOP_AFTER"
"""Environment variable for tests: `up` kills itself with SIGKILL after the step of this name."""


@dataclass(frozen=True)
class Step:
    """A part of `up`; finds out by itself what there is to do, so that running it again is right."""

    name: str
    title: str
    run: Callable[[Instance], None]


def up(instance: Instance, memory_gib: float = preflight.MEMORY_GIB) -> None:
    """A node that is ready for pods; quick when it runs already. Builds its programs and images if need be.

    `memory_gib` has to be available; a node without the stack needs less than the default.
    Raises MissingPrerequisite before anything is changed when the machine cannot carry it, and ToolError or
    CommandFailed when a step fails; running `up` again is then safe.
    """
    if namespaces.init_pid(instance) is None:
        preflight.check(instance, memory_gib)
    debian.ensure(debian.NODE)
    toolchain.ensure(node.PROGRAMS)
    images = image_build.node_images()
    with instance.lock():
        for step in steps(images):
            with console.step(step.title):
                step.run(instance)
            if os.environ.get(STOP_AFTER) == step.name:
                os.kill(os.getpid(), signal.SIGKILL)


def steps(images: Iterable[tuple[str, Path]]) -> tuple[Step, ...]:
    """The steps in their order; `images` are (reference, docker archive), what the node itself runs."""

    def choose_ports(instance: Instance) -> None:
        ports(instance)

    def load(instance: Instance) -> None:
        node.load_images(instance, images)

    return (
        Step("ports", "Choose host ports", choose_ports),
        Step("namespaces", "Make namespaces and cgroups", make_namespaces),
        # Early: from here on the ports are this instance's.
        Step("forward", "Open host ports", forward.start),
        Step("containerd", "Start containerd", node.start_containerd),
        Step("images", "Import images", load),
        Step("kubelet", "Start the kubelet", node.start_kubelet),
        Step("control-plane", "Make the control plane", node.initialise),
        Step("api", "Wait for the API server", wait_for_api),
        Step("policies", "Enforce network policies", enforce_policies),
        Step("services", "Wait for kube-proxy", wait_for_services),
        Step("addons", "Apply the add-ons", addons.apply),
        Step("ready", "Wait for the node", wait_for_node),
    )


def make_namespaces(instance: Instance) -> None:
    """Have the namespaces, without what a control plane that was cut short left in them."""
    node.discard_half_made(instance)
    if namespaces.init_pid(instance) is None:
        namespaces.create(instance)


def wait_for_api(instance: Instance) -> None:
    """Wait until the API server is ready; at once when `kubeadm init` has just made it."""
    if not namespaces.wait_until(lambda: kube.answers(instance), READY_TIMEOUT, interval=0.3):
        raise ToolError(
            "the API server does not become ready",
            remedy=f"Pods' logs are under {instance.root}/var/log/pods; `down`, then `up`, starts anew.",
            log=instance.logs / "kubelet.log",
        )


def enforce_policies(instance: Instance) -> None:
    """Have NetworkPolicies enforced before any workload is let in."""
    addons.apply_policies(instance)
    node.start_policies(instance)


def wait_for_services(instance: Instance) -> None:
    """Wait until pods reach the API server by its service: an add-on that does not is held back."""
    if not namespaces.wait_until(lambda: node.has_services(instance), READY_TIMEOUT, interval=0.1):
        raise ToolError(
            "kube-proxy made no rules for services",
            remedy="`python -m tools cluster exec kubectl -n kube-system logs ds/kube-proxy` tells why.",
        )


def wait_for_node(instance: Instance) -> None:
    """Wait until the node takes pods and the add-ons that others depend on are ready."""
    waiting: list[str] = []

    def ready() -> bool:
        waiting[:] = unready(kube.get(instance, "nodes,pods", "--all-namespaces")["items"])
        return not waiting

    if not namespaces.wait_until(ready, READY_TIMEOUT, interval=0.3):
        raise ToolError(
            f"not ready after {READY_TIMEOUT:.0f} s: {', '.join(waiting)}",
            remedy="`python -m tools cluster exec kubectl describe pods -A` tells why.",
        )


def unready(objects: Iterable[Object]) -> list[str]:
    """Names of what a workload needs and is not ready, of nodes and pods as the API server lists them."""
    items = list(objects)
    names = [_name(item) for item in items if item["kind"] == "Node" and not _is_ready(item)]
    for app in NEEDED_PODS:
        pods = [item for item in items if app in _labels(item).values() and not _is_leaving(item)]
        names += [_name(pod) for pod in pods if not _is_ready(pod)] if pods else [f"no pod of {app}"]
    return names


def _name(item: Object) -> str:
    states = [status["state"] for status in item["status"].get("containerStatuses", [])]
    reasons = [state["waiting"]["reason"] for state in states if "waiting" in state]
    return item["metadata"]["name"] + (f" ({', '.join(reasons)})" if reasons else "")


def _is_leaving(item: Object) -> bool:
    return "deletionTimestamp" in item["metadata"]


def _labels(item: Object) -> dict[str, str]:
    return item["metadata"].get("labels", {})


def _is_ready(item: Object) -> bool:
    conditions = item["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
