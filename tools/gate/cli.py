"""`make preview` and `make snapshot`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()

_ONLY = "run this check alone: an id as the report shows it, such as policy or policy/image-pinned"
_SETTINGS = "print the stack's settings in full, and where each is from, and preview nothing"


@app.command()
def preview(
    check: Annotated[list[str] | None, typer.Option("--check", help=_ONLY)] = None,
    show_settings: Annotated[bool, typer.Option("--settings", help=_SETTINGS)] = False,
) -> None:
    """What each stack would be, and every check over it; needs no credential.  STACK=prod, or all."""
    # It reads the program's own settings, rules and SDKs: no other command should wait for that.
    from tools.gate import run

    run.preview(check or [], show_settings=show_settings)


@app.command("snapshot")
def accept() -> None:
    """Accept the stacks' resources as they are now: write stacks/snapshots.  STACK=prod, or all."""
    from tools.gate import run

    run.accept()
