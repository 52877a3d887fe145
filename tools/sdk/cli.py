"""`sdk`: the Python client's generated files and its wheel."""

from __future__ import annotations

import typer

from tools import console, paths
from tools.sdk import generate as generated
from tools.sdk import wheel

app = typer.Typer(no_args_is_help=True, help="The Python client in sdk/: its files, its wheel.")


@app.command()
def generate() -> None:
    """Write anew what is made from the OpenAPI document, and from the asynchronous client."""
    for file in generated.write():
        console.say(f"{file.relative_to(paths.ROOT)} is new")


@app.command()
def build() -> None:
    """Build the wheel into dist/."""
    with console.step("Wheel of carbon-client") as step:
        step.note(str(wheel.build().relative_to(paths.ROOT)))
