"""The commands that make names: the platform's whole life on this machine."""

from __future__ import annotations

import base64
import os
import shlex
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from tools import access, checks, jobs, kube, paths, pilots, project, toolchain
from tools import status as status_screen
from tools import up as bring_up
from tools.cluster import down as cluster
from tools.cluster.instance import Instance, write_atomically
from tools.console import console
from tools.errors import UsageError
from workloads.kit.contracts import env as names
from workloads.kit.contracts import namespaces, tables
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.forecast_run import FORECAST_RUN
from workloads.kit.contracts.declared.model_training import MODEL_TRAINING
from workloads.kit.contracts.declared.services import POSTGRES

app = typer.Typer()

_SYMBOLS = f"""
select distinct symbol from {tables.SCHEMA}.{tables.COMMODITY_PRICES_DAILY}
where symbol not like '%-LOAD-%' order by symbol
"""


@app.command()
def up() -> None:
    """Bring the whole platform up, or bring it up to date."""
    bring_up.up(os.environ.get("WITH", ""))


@app.command()
def down() -> None:
    """Take the instance down; only the cache is left."""
    if kube.context():
        project.destroy()
    elif not cluster.down(Instance.named()):
        console.print(f"nothing is up: there is no {paths.state_dir()}")


@app.command()
def status() -> None:
    """What runs, where, last prices and predictions, lag, jobs, alerts."""
    kube.must_be_up()
    status_screen.show()


@app.command()
def env() -> None:
    """Print, as shell exports, what plain pulumi, kubectl, psql and curl need. No secret is in it."""
    kube.must_be_up()
    postgres = access.by_name("postgres")
    exports = project.environment() | {"KUBECONFIG": kube.kubeconfig()}
    exports["PATH"] = toolchain.env_path([*project.PROGRAMS, "kubectl"])
    if kube.context() is None:
        exports |= {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(access.local_port(postgres)),
            "PGUSER": "postgres",
            "PGDATABASE": tables.DATABASE,
            "PGPASSFILE": str(_passfile()),
            "API": access.where(access.by_name(DATA_API.name)),
            pilots.VARIABLE: str(pilots.file(paths.state_dir())),
        }
    for name, value in exports.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def _passfile() -> Path:
    """The administrator's password where psql reads it: a file that only its owner can read."""
    data = kube.get("secret", POSTGRES.name, "-n", namespaces.PLATFORM)["data"]
    password = (
        base64.b64decode(data[names.POSTGRES_PASSWORD]).decode().replace("\\", "\\\\").replace(":", "\\:")
    )
    file = paths.state_dir() / "pgpass"
    write_atomically(file, f"127.0.0.1:*:*:postgres:{password}\n", mode=0o600)
    return file


@app.command()
def logs(workload: Annotated[str, typer.Argument(help="a workload's name, as make status shows it")]) -> None:
    """Follow the logs of a workload's pods."""
    kube.must_be_up()
    names = ["kubectl", "--kubeconfig", kube.kubeconfig()]
    chosen = ["--context", context] if (context := kube.context()) else []
    label = "app.kubernetes.io/name"
    running = {
        pod["metadata"].get("labels", {}).get(label): namespace
        for namespace in (namespaces.MONITORING, namespaces.PLATFORM)
        for pod in kube.get("pods", "-n", namespace, "-l", label)["items"]
    }
    if workload not in running:
        there = ", ".join(sorted(filter(None, running)))
        raise UsageError(f"WORKLOAD={workload!r} has no pods.", remedy=f"There are: {there}")
    namespace, selector = running[workload], f"{label}={workload}"
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
    kube.must_be_up()
    known = [row["symbol"] for row in status_screen.query(_SYMBOLS)]
    if symbol not in (*known, "all"):
        there = ", ".join((*known, "all"))
        raise UsageError(f"SYMBOL={symbol!r} has no prices here.", remedy=f"There are: {there}")
    which = ["--all"] if symbol == "all" else ["--symbol", symbol]
    typer.echo(jobs.run(MODEL_TRAINING.name, "rollback", *which, "--reason", reason))


@app.command()
def forecast(
    first: Annotated[str, typer.Argument(help="a delivery day, YYYY-MM-DD")],
    last: Annotated[str, typer.Argument(help="the last of several")] = "",
) -> None:
    """Forecast delivery days of the past, each by what was known when it was due."""
    days = (first, last or first)
    try:
        begins, ends = map(date.fromisoformat, days)
    except ValueError as error:
        raise UsageError(f"{' '.join(days)}: {error}", remedy="Give days such as 2017-12-24") from error
    if begins > ends:
        raise UsageError(f"{first} is after {last}", remedy="Give the first day first")
    kube.must_be_up()
    if FORECAST_RUN.name not in {
        job["metadata"]["name"] for job in kube.get("cronjobs", "-n", jobs.PLATFORM)["items"]
    }:
        raise UsageError(f"{FORECAST_RUN.name} is not here.", remedy="make up WITH=forecasts")
    typer.echo(jobs.run(FORECAST_RUN.name, "forecast", "--delivery", *days, limit=3600))


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
