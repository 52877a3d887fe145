"""The commands that make names: the platform's whole life on this machine."""

from __future__ import annotations

import os
import shlex
from typing import Annotated

import typer

from tools import access, checks, jobs, kube, project, toolchain
from tools import status as status_screen
from tools import up as bring_up
from tools.cluster import down as cluster
from tools.cluster.instance import Instance
from tools.errors import UsageError
from workloads.kit.contracts import namespaces, tables

app = typer.Typer()


@app.command()
def up() -> None:
    """Bring the whole platform up, or bring it up to date."""
    bring_up.up()


@app.command()
def down() -> None:
    """Take the instance down; only the cache is left."""
    if kube.context():
        project.destroy()
    else:
        cluster.down(Instance.named())


@app.command()
def status() -> None:
    """What runs, where, last prices and predictions, lag, jobs, alerts."""
    status_screen.show()


@app.command()
def env() -> None:
    """Print, as shell exports, what plain pulumi, kubectl and psql need. No secret is in it."""
    postgres = access.by_name("postgres")
    exports = project.environment() | {"KUBECONFIG": kube.kubeconfig()}
    exports["PATH"] = toolchain.env_path([*project.PROGRAMS, "kubectl"])
    if kube.context() is None:
        exports |= {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(access.local_port(postgres)),
            "PGUSER": "postgres",
            "PGDATABASE": tables.DATABASE,
        }
    for name, value in exports.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    typer.echo("# psql asks for the password of the role postgres; this prints it:")
    secret = f"kubectl -n {namespaces.PLATFORM} get secret postgres -o jsonpath='{{.data.password}}'"
    typer.echo(f"#   {secret} | base64 -d")


@app.command()
def logs(workload: Annotated[str, typer.Argument(help="a workload's name, as make status shows it")]) -> None:
    """Follow the logs of a workload's pods."""
    names = ["kubectl", "--kubeconfig", kube.kubeconfig()]
    chosen = ["--context", context] if (context := kube.context()) else []
    namespace = namespaces.PLATFORM
    selector = f"app.kubernetes.io/name={workload}"
    if not kube.get("pods", "-n", namespace, "-l", selector)["items"]:
        namespace = namespaces.MONITORING
        if not kube.get("pods", "-n", namespace, "-l", selector)["items"]:
            raise UsageError(f"WORKLOAD={workload!r} has no pods", remedy="make status lists the workloads")
    follow = ["logs", "-n", namespace, "-l", selector, "-f", "--tail=20", "--prefix", "--max-log-requests=20"]
    os.execv(toolchain.path("kubectl"), [*names, *chosen, *follow])  # noqa: S606 (kubectl takes the terminal)


@app.command("rollback-model")
def rollback_model(
    symbol: Annotated[str, typer.Option(help="a symbol, or `all`")] = "",
    reason: Annotated[str, typer.Option(help="why; it is recorded")] = "",
) -> None:
    """Make the previous model the champion again, recorded with its reason."""
    if not symbol or not reason:
        raise UsageError("SYMBOL and REASON are needed", remedy='make rollback-model SYMBOL=WTI REASON="…"')
    which = ["--all"] if symbol == "all" else ["--symbol", symbol]
    typer.echo(jobs.run("model-training", "rollback", *which, "--reason", reason))


@app.command()
def lint() -> None:
    """ruff and pyright."""
    checks.static()


@app.command("test")
def prove(
    fast: Annotated[bool, typer.Option("--fast", help="start nothing")] = False,
    whole: Annotated[bool, typer.Option("--all", help="the gate and the live tests, too")] = False,
) -> None:
    """Static checks, unit, component and service tests; with --all, the gate, up and the live tests."""
    if fast and whole:
        raise UsageError("--fast and --all exclude each other", remedy="Leave one of them out.")
    checks.run("fast" if fast else "all" if whole else "services")
