"""`make bench`: the platform's figures beside their peers'."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools import paths
from tools.errors import ToolError, UsageError

app = typer.Typer()

_SKIPPED = {
    "forecast": "takes prices that are not the project's: make bench forecast DATA=…",
    "quality": "takes prices that are not the project's: make bench quality DATA=…",
    "markets": "takes a quarter of an hour: make bench PARTS=markets",
    "plans": "takes half an hour and 33 GB: make bench PARTS=plans",
    "up": "takes minutes and a node of its own: --with-up",
    "up-cold": "builds everything in an empty cache: --with-cold",
}


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="parts to run (default: all without a node)")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="small sizes, to see that it works")] = False,
    with_up: Annotated[
        bool, typer.Option("--with-up", help="also bring an instance of its own up and down (INSTANCE=bench)")
    ] = False,
    with_cold: Annotated[
        bool, typer.Option("--with-cold", help="also from an empty cache, which takes most of an hour")
    ] = False,
    output: Annotated[Path, typer.Option(help="where the JSON goes")] = paths.ROOT / "bench.json",
) -> None:
    """Measure the platform and its peers in one run; exits 1 if a part could not be measured."""
    # Measuring needs every workload's packages; the other commands do not wait for them.
    from tests.bench import report, runner

    if unknown := [name for name in names or () if name not in runner.PARTS]:
        raise UsageError(
            f"There is no part {', '.join(map(repr, unknown))}.",
            remedy=f"There are: {', '.join(runner.PARTS)}",
        )
    rows = os.environ.get("ROWS", "")
    if rows and not (rows.isascii() and rows.isdigit() and int(rows)):
        raise UsageError(f"ROWS={rows!r} is no number of rows.", remedy="Give one such as ROWS=1000000")
    # In their own order: a part may leave servers running that one before it must not meet.
    chosen = [name for name in runner.PARTS if not names or name in names]
    asked = {*(names or ()), *(["up"] if with_up else []), *(["up-cold"] if with_cold else [])}
    skipped = {name: why for name, why in _SKIPPED.items() if name not in asked}
    found = runner.bench(chosen, quick=quick, skipped=skipped)
    report.write(found, output)
    console = Console()
    # Where there is no terminal the table is as wide as it needs.
    report.show(found, console if console.is_terminal else Console(width=140))
    typer.echo(f"as JSON: {output}")
    if found.failed:
        raise ToolError("a part could not be measured", remedy="the table says which, and why")
