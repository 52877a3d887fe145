"""How a person on this machine reaches the platform: a port on 127.0.0.1 for each service of the local node.

On a cluster that `$KUBE_CONTEXT` names nothing is opened; `kubectl port-forward` does it, and the screen
shows the commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tools import kube, paths
from tools.cluster import forward, instance
from workloads.kit.contracts.platform import DECLARED, PAGES


@dataclass(frozen=True)
class Endpoint:
    """A service that a person may want to reach.

    Attributes:
        of: the workload that answers.
        scheme: how its address is written.
        slot: of its port in the instance's block.
    """

    name: str
    of: str
    namespace: str
    service: str
    port: int
    scheme: Literal["http", "postgresql", "kafka"]
    about: str
    slot: int


def _endpoints() -> Iterator[Endpoint]:
    for one in DECLARED.values():
        if (reach := one.reach) is None or (port := reach.port or one.port) is None:
            continue
        for n in range(reach.replicas) if reach.replicas else (None,):
            name, about = (one.name, reach.about) if n is None else (f"{one.name}-{n}", f"{reach.about} {n}")
            yield Endpoint(
                name, one.name, one.namespace, name, port, reach.scheme, about, reach.slot + (n or 0)
            )


ENDPOINTS = tuple(sorted(_endpoints(), key=lambda endpoint: endpoint.slot))
"""All that a person may want to reach, from the declarations."""


def local_port(endpoint: Endpoint) -> int:
    """The endpoint's port on 127.0.0.1, from the instance's own block."""
    block = instance.ports(instance.Instance.named())
    return block.service(endpoint.slot)


def by_name(name: str) -> Endpoint:
    """The endpoint called `name`; KeyError where there is none."""
    return {endpoint.name: endpoint for endpoint in ENDPOINTS}[name]


def overlay(images: Mapping[str, str]) -> dict[str, Any]:
    """What only the run knows: images, the cluster, where brokers answer and people reach what.

    Args:
        images: image name → reference.
    """
    cluster: dict[str, Any] = {
        "kind": "kubeconfig",
        "kubeconfig": kube.kubeconfig(),
        "identifier": paths.instance(),
    }
    if context := kube.context():
        cluster |= {"context": context, "identifier": context}
    settings: dict[str, Any] = {"carbon:images": dict(images), "carbon:cluster": cluster}
    if context is None:
        settings["carbon:addresses"] = {name: where(by_name(name)) for name in PAGES}
        settings["carbon:kafka"] = {"external_port_base": local_port(by_name("kafka-0"))}
    return settings


def open_ports() -> None:
    """Forward the ports of the local node's services; does nothing on another cluster."""
    if kube.context():
        return
    addresses: dict[tuple[str, str], str] = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): item["spec"]["clusterIP"]
        for item in kube.get("services", "--all-namespaces")["items"]
    }
    forward.set_table(
        instance.Instance.named(),
        {
            f"127.0.0.1:{local_port(endpoint)}": f"{address}:{endpoint.port}"
            for endpoint in ENDPOINTS
            if (address := addresses.get((endpoint.namespace, endpoint.service)))
        },
    )


def where(endpoint: Endpoint) -> str:
    """The address to give a person, or the command that makes one."""
    if context := kube.context():
        forwarded = f"svc/{endpoint.service} {endpoint.port}"
        return f"kubectl --context {context} -n {endpoint.namespace} port-forward {forwarded}"
    address = f"127.0.0.1:{local_port(endpoint)}"
    return address if endpoint.scheme == "kafka" else f"{endpoint.scheme}://{address}"
