"""`make up`: from nothing, or from whatever an earlier run left, to a platform that predicts.

Each step looks at what is there and does the rest, so that an interrupted run is simply run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from tools import access, image_build, jobs, kube, paths, proc, project, screen, sets, status, toolchain
from tools.cluster import external, namespaces, node, preflight
from tools.cluster import up as cluster
from tools.cluster.instance import Instance
from tools.console import Step, console, duration, step
from tools.wait import until
from workloads.kit.contracts.declared.model_training import MODEL_TRAINING
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.platform import DECLARED


def up(said: str = "") -> None:
    """Bring the stack up and show what the person has.

    Args:
        said: its sets, as `sets.asked` takes them.
    """
    started = time.monotonic()
    stack = project.stack_name()
    chosen = sets.asked(stack, said, project.chosen_sets())
    names = sets.names(stack, chosen)
    # Asked first: nobody should build tools for twenty minutes to hear that they are not root.
    if kube.context() is None and namespaces.init_pid(Instance.named()) is None:
        preflight.check(Instance.named())
    with step("Toolchain") as at:
        at.note(f"{len(toolchain.ensure())} programs")
        toolchain.kafka_libs()
    if kube.context() is None:
        cluster.up(Instance.named())
    images = image_build.platform_images(names)
    load(images)
    with step("Pulumi project"):
        project.generate(access.overlay({image.name: image.ref for image in images}), chosen)
    apply()
    wait_for_rollouts(names)
    access.open_ports()
    first_data()
    status.show()
    console.print(f"\n[bold green]up[/] in {duration(time.monotonic() - started)}")


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
    with step("pulumi up") as at:
        cancel_interrupted(stack)
        env = project.environment()
        proc.run(["pulumi", *args, *pack], log=log, env=env, timeout=1800, on_line=_progress(at))


def cancel_interrupted(stack: str) -> None:
    """Drop the lock of an update that was killed: the run's state is nobody else's."""
    if any((project.directory() / ".pulumi" / "locks").rglob("*.json")):
        project.pulumi("cancel", "-s", stack, "--yes")


def wait_for_rollouts(names: Collection[str]) -> None:
    """Wait until every pod is of the new version: the engine's provider does not, after some updates.

    Args:
        names: of what runs.
    """
    with step("Wait for rollouts"):
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
