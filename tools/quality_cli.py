"""`quality`: what data-quality found, and what a person says of it, from inside the cluster."""

from __future__ import annotations

import getpass
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from tools import kube
from tools.errors import CommandFailed, ToolError, UsageError
from workloads.kit.contracts.declared.data_quality import DATA_QUALITY
from workloads.kit.contracts.namespaces import PLATFORM

app = typer.Typer(no_args_is_help=True, help="Alerts on data: list, confirm or release them.")

_COLOURS = {"critical": "red", "warning": "yellow", "info": "blue"}


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="open, confirmed, released or all")] = "open",
    rule: Annotated[str, typer.Option(help="those of this rule")] = "",
    source: Annotated[str, typer.Option(help="those of this source")] = "",
    days: Annotated[float, typer.Option(min=0, help="found within so many days")] = 30,
    limit: Annotated[int, typer.Option(min=1, help="at most so many, the newest")] = 50,
) -> None:
    """Say what was found, newest first."""
    args = [f"--state={state}", f"--rule={rule}", f"--source={source}", f"--days={days}", f"--limit={limit}"]
    show(_run("list", *args))


@app.command()
def confirm(
    id: Annotated[str, typer.Argument(help="as `quality list` shows it")],
    reason: Annotated[str, typer.Option(help="why; it is recorded")] = "",
) -> None:
    """Say that an alert is right: recorded on platform-audit."""
    _review("confirm", id, reason)


@app.command()
def release(
    id: Annotated[str, typer.Argument(help="as `quality list` shows it")],
    reason: Annotated[str, typer.Option(help="why; it is recorded")] = "",
) -> None:
    """Say that the data are right: they count as good again, recorded on platform-audit."""
    _review("release", id, reason)


def show(answer: dict[str, Any]) -> None:
    """Print alerts as data-quality answered."""
    out = Console(highlight=False)
    for one in answer["alerts"]:
        said = f"  [green]{one['state']} by {escape(one['reviewed_by'])}[/]" if one["reviewed_by"] else ""
        colour = _COLOURS[one["severity"]]
        what = f"{escape(one['source'])} {escape(one['series'])}"
        out.print(
            f"[bold]{one['id']}[/] [{colour}]{one['rule']}[/] {what} from {one['period_start']}{said}",
            soft_wrap=True,
        )
        out.print(f"  found {escape(one['evidence'])}", soft_wrap=True)
        out.print(f"  expected {escape(one['expected'])}", soft_wrap=True)
        out.print(f"  [dim]{escape(one['reason'] or one['remedy'])}[/]", soft_wrap=True)
    out.print(f"{len(answer['alerts'])} alerts")


def _review(action: str, id: str, reason: str) -> None:
    if not reason.strip():
        raise UsageError(f"{action} needs --reason", remedy="say why: it is recorded on platform-audit")
    answer = _run(action, f"--reason={reason}", f"--by={getpass.getuser()}", "--", id)
    typer.echo(f"{answer['reviewed']} {answer['state']}: {answer['rule']} of {answer['series']}")


def _run(*args: str) -> dict[str, Any]:
    """Run the review in a pod of data-quality, with its rights."""
    command = ["python", "-m", "workloads.data_quality.review", *args]
    try:
        said = kube.kubectl("exec", "-n", PLATFORM, f"deployment/{DATA_QUALITY.name}", "--", *command)
    except CommandFailed as error:
        raise ToolError(
            f"data-quality refused: {error.output.strip()[-500:]}",
            remedy=f"kubectl -n {PLATFORM} get pods -l app.kubernetes.io/name={DATA_QUALITY.name}",
        ) from None
    return json.loads(said.splitlines()[-1])
