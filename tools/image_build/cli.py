"""`python -m tools images …`: build, list and push the container images."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tools import image_build
from tools.image_build import building, publishing
from tools.image_build.catalogue import NODE, PLATFORM, SPECS

app = typer.Typer(help="The container images of the platform and of the local node.", no_args_is_help=True)

_Names = Annotated[list[str] | None, typer.Argument(help="images; the node's and the stack's by default")]


@app.command()
def build(names: _Names = None) -> None:
    """Build the images that are missing; print each reference."""
    for image in image_build.build(names or (*NODE, *PLATFORM)).values():
        typer.echo(f"{image.name}\t{image.ref}")


@app.command("list")
def list_images() -> None:
    """Each image, its reference and the size of its archive; builds none."""
    table = Table("image", "reference", "size", box=None)
    for image in building.tags(SPECS).values():
        built = image.archive.is_file()
        size = f"{image.archive.stat().st_size / 1e6:.0f} MB" if built else "[dim]to be built"
        table.add_row(image.name, image.ref, size)
    Console(highlight=False, soft_wrap=True).print(table)


@app.command()
def archives(names: _Names = None) -> None:
    """Build the images that are missing; print each reference and the archive that holds it."""
    for image in image_build.build(names or (*NODE, *PLATFORM)).values():
        typer.echo(f"{image.ref}\t{image.archive}")


@app.command()
def push(names: _Names = None) -> None:
    """Bring the stack's images to $IMAGE_REGISTRY; print each with its digest, as JSON."""
    typer.echo(json.dumps(publishing.publish(names or PLATFORM), indent=2))


@app.command()
def references(names: _Names = None) -> None:
    """The stack's images as they will be called in $IMAGE_REGISTRY, as JSON; builds none."""
    images = building.tags(names or PLATFORM)
    typer.echo(json.dumps({name: image.ref for name, image in sorted(images.items())}, indent=2))


@app.command()
def promote(
    images: Annotated[Path, typer.Argument(help="what `images push` printed", exists=True, dir_okay=False)],
    to: Annotated[str, typer.Option(help="registry, host or host/path")],
    copy: Annotated[bool, typer.Option(help="copy them; or say only what they are called there")] = True,
) -> None:
    """Copy pushed images to another registry; print each, its digest the same, as JSON."""
    pushed: dict[str, str] = json.loads(images.read_text())
    there = publishing.promote(pushed, to) if copy else publishing.renamed(pushed, to)
    typer.echo(json.dumps(there, indent=2))


@app.command()
def prune() -> None:
    """Remove from the cache the images that this checkout does not use, and what speeds up their builds."""
    typer.echo(f"{building.prune() / 1e6:.0f} MB of archives removed")


@app.command()
def context(
    name: Annotated[str, typer.Argument(help="an image")],
    directory: Annotated[Path, typer.Argument(help="where to; made if need be")],
) -> None:
    """Write what an image is built from, for `docker build DIRECTORY` by hand."""
    directory.mkdir(parents=True, exist_ok=True)
    building.write_context(name, directory)
