"""`python -m tools cluster …`."""

import json
import os
import sys
from typing import Annotated, Any

import typer

from tools import toolchain
from tools.cluster import down as taking_down
from tools.cluster import external, faults, kube, namespaces, preflight
from tools.cluster import status as state
from tools.cluster import up as bringing_up
from tools.cluster.instance import Instance
from tools.console import console

app = typer.Typer(no_args_is_help=True, help="The local Kubernetes node; INSTANCE names it.")
_PASS_ON: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def up(
    memory: Annotated[
        float, typer.Option(help="GiB that have to be available; less than this without the stack")
    ] = preflight.MEMORY_GIB,
) -> None:
    """Bring the node up, or complete one that was cut short."""
    if _uses_existing("nothing to bring up"):
        return
    bringing_up.up(Instance.named(), memory)


@app.command()
def down() -> None:
    """Take the node away without a trace; volumes go with it."""
    if _uses_existing("nothing to take down"):
        return
    instance = Instance.named()
    gone = taking_down.down(instance)
    console.print(f"instance {instance.name} is {'down' if gone else 'not there'}")


@app.command()
def status() -> None:
    """Print what the node does as JSON; exit code 1 unless all of it is well."""
    if _uses_existing("its state is not this command's"):
        return
    found = state.status(Instance.named())
    print(json.dumps(found.as_dict(), indent=2))
    if not found.healthy:
        raise typer.Exit(1)


@app.command(context_settings=_PASS_ON)
def exec(context: typer.Context) -> None:
    """Run a command inside the instance: `exec ip route`, `exec kubectl get pods -A`."""
    if _uses_existing("there is no instance to enter"):
        return
    _become(context.args or ["sh"])


@app.command(context_settings=_PASS_ON)
def ctr(context: typer.Context) -> None:
    """Run containerd's client on the node's images and containers: `ctr images list`."""
    if _uses_existing("its containerd is out of reach"):
        return
    _become(["ctr", "--namespace", "k8s.io", *context.args])


@app.command()
def cut(
    seconds: Annotated[float, typer.Option(help="how long; it heals by itself")] = 30,
    namespace: Annotated[str, typer.Option(help="of the pods to cut off")] = "default",
    pod_selector: Annotated[str, typer.Option(help="labels of the pods; every pod without it")] = "",
) -> None:
    """Drop all packets between pods for a while, of established connections too."""
    if _uses_existing("only our own node's network is cut"):
        return
    instance = Instance.named()
    addresses = faults.pod_addresses(instance, namespace, pod_selector) if pod_selector else []
    try:
        dropped = faults.cut(instance, seconds, addresses).wait()
    except KeyboardInterrupt:
        faults.heal(instance)
        raise
    console.print(f"network whole again; {dropped} packets were dropped")


def _uses_existing(consequence: str) -> bool:
    """Say so when an existing cluster is used."""
    context = external.context()
    if context is not None:
        console.print(f"{external.CONTEXT}={context}: an existing cluster is used, {consequence}")
    return context is not None


def _become(command: list[str]) -> None:
    """Replace this process by a command inside the instance, the node's own programs on its PATH."""
    init = namespaces.require_init(Instance.named())
    os.environ["PATH"] = toolchain.env_path(["kubectl"])
    os.environ["KUBECONFIG"] = kube.ADMIN
    entered = [*namespaces.enter_command(init), *command]
    sys.stdout.flush()
    os.execvp(entered[0], entered)  # noqa: S606
