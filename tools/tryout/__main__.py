"""`python -m tools.tryout up | down`: what `make try` and `make try-down` name."""

from __future__ import annotations

from typing import Annotated

import typer

from tools import console
from tools.errors import UsageError
from tools.tryout import run

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.command()
def up(
    only: Annotated[str, typer.Option(envvar="ONLY", help="run the others, this one is yours to run")] = "",
    detach: Annotated[bool, typer.Option(envvar="DETACH", help="return when it predicts")] = False,
    sets: Annotated[str, typer.Option(envvar="WITH", hidden=True)] = "",
) -> None:
    """Run the platform until Ctrl-C, which leaves nothing but the cache."""
    if sets:
        raise UsageError(
            f"WITH={sets!r} is of make up: make try has the core alone.",
            remedy='make try, or make up WITH="…"',
        )
    run.up(only or None, detach=detach)


@app.command()
def down() -> None:
    """End a run from elsewhere, also one whose own command was killed."""
    run.down()


if __name__ == "__main__":
    console.main(app)
