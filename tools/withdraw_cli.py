"""`withdraw`: published prices taken back by hand, from inside the cluster, looked at before."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from tools import jobs
from tools.errors import UsageError
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE

app = typer.Typer()

_SHOWN = 20


@app.command()
def withdraw(
    source: Annotated[str, typer.Option(help="whose prices")],
    symbol: Annotated[str, typer.Option(help="of which symbol")],
    since: Annotated[str, typer.Option(help="first delivery start: 2026-03-29T01:00Z, or a day of UTC")],
    until: Annotated[str, typer.Option(help="last delivery start, or its day: the whole of it")],
    send: Annotated[bool, typer.Option("--send", help="take them back; without it they are listed")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="publish what was taken back again")] = False,
    reason: Annotated[str, typer.Option(help="why; it is recorded")] = "",
) -> None:
    """Show the prices of a symbol in a range, and take them back with --send: recorded, and never deleted."""
    if send and not reason.strip():
        raise UsageError("--send needs --reason", remedy="say why: it is recorded on platform-audit")
    args = ["withdraw", f"--source={source}", f"--symbol={symbol}", f"--since={since}", f"--until={until}"]
    args += ["--undo"] if undo else []
    args += ["--send", f"--reason={reason}", f"--by={getpass.getuser()}"] if send else []
    said = jobs.run(PRICE_PIPELINE.name, *args)
    _show(jobs.answer(said, "prices", "withdrawn", "published_again"), undo=undo)


def _show(answer: dict[str, Any], *, undo: bool) -> None:
    out = Console(highlight=False)
    if "prices" not in answer:
        [(done, count)] = answer.items()
        out.print(f"[green]{_counted(count)} {done.replace('_', ' ')}[/]")
        return
    prices = answer["prices"]
    for price in prices[:_SHOWN]:
        says = f"{price['price']:g} {escape(price['of'])}  [dim]published {price['published_at']}[/]"
        out.print(f"[bold]{price['delivery_start']}[/] {price['resolution']}  {says}")
    if len(prices) > _SHOWN:
        out.print(f"… and {len(prices) - _SHOWN} more")
    one = len(prices) == 1
    held = ("was" if one else "were") + " taken back" if undo else "holds" if one else "hold"
    then = "publishes _ again" if undo else "takes _ back"
    what = "it" if one else "them"
    out.print(
        f"{_counted(len(prices))} {held} there"
        + (f"; --send --reason … {then.replace('_', what)}" if prices else "")
    )


def _counted(count: int) -> str:
    return f"{count} price" if count == 1 else f"{count} prices"
