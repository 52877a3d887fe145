"""`python -m tools toolchain …`: find, build and list the programs."""

from typing import Annotated

import typer

from tools import debian, golang, toolchain
from tools.families import BY_PROGRAM

app = typer.Typer(help="The programs that everything here runs on.", no_args_is_help=True)


@app.command()
def ensure(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="programs; by default what `make up` needs, Debian packages and Kafka included"),
    ] = None,
) -> None:
    """Find or build programs, and print where each is."""
    toolchain.missing(names or None)  # an error here changes nothing yet
    if not names:
        debian.ensure(debian.NODE, debian.IMAGES, debian.BUILD)
    for name, where in toolchain.ensure(names or None).items():
        typer.echo(f"{name}\t{where}")
    if not names:
        typer.echo(f"kafka\t{toolchain.kafka_libs()}")


@app.command()
def go() -> None:
    """Print where a Go is that builds the programs; one is put into the cache where PATH has none."""
    typer.echo(str(golang.ensure()))


@app.command("list")
def list_programs() -> None:
    """Each program, its version and where it comes from; builds nothing."""
    for name, family in BY_PROGRAM.items():
        where = toolchain.find(name)
        typer.echo(f"{name:<28}{family.programs[name].version:<14}{where or 'to be built'}")


@app.command()
def packages() -> None:
    """Print the Debian packages that are missing on this machine, one a line."""
    for name in debian.missing(debian.NODE, debian.IMAGES, debian.BUILD):
        typer.echo(name)


@app.command()
def path(name: str) -> None:
    """Print where a program is; it is built if need be."""
    typer.echo(str(toolchain.path(name)))
