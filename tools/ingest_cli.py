"""`ingest`: look at a file as the pipeline would read it, and publish it once that is confirmed."""

from __future__ import annotations

import gzip
import json
import shlex
from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools import jobs, kube
from tools.errors import UsageError
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.namespaces import PLATFORM

app = typer.Typer()

_MOUNT: Final = "/ingest"
_KEY: Final = "file"
"""In the ConfigMap, whose keys cannot be whatever a file may be called."""
_LARGEST: Final = 900_000
"""Bytes of a packed file: what is given to a pod goes by a ConfigMap, of which the API server takes 1 MiB."""

_COUNTED: Final = {
    "published": "new",
    "corrections": "revised",
    "withdrawn": "withdrawn",
    "skipped": "unchanged",
    "duplicates": "given twice",
    "refused": "refused",
    "unobserved": "without a price",
    "early": "not published yet",
}


@app.command()
def ingest(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    source: Annotated[str, typer.Option("--as", help="the source whose settings say how it is read")],
    confirm: Annotated[str, typer.Option(help="the word that looking at it gave; publishes it")] = "",
) -> None:
    """Show what a file would publish as one of the sources; publish it with --confirm."""
    show(_run(file, ["--as", source, *(["--confirm", confirm] if confirm else [])]), file, source)


def show(answer: dict[str, Any], file: Path, source: str) -> None:
    """Print what the pipeline answered."""
    out = Console(highlight=False)
    counts = answer["counts"]
    out.print(
        "  ".join(f"[bold]{counts[key]:,}[/] {word}" for key, word in _COUNTED.items() if counts.get(key))
    )
    if "confirm" not in answer:
        out.print(f"[green]published[/] as {escape(answer['source'])}")
        return
    columns = Table("column", "is taken for", box=None)
    for column, meaning in answer["columns"].items():
        columns.add_row(escape(column), escape(meaning))
    out.print(columns)
    out.print(f"periods of {answer['period']}")
    for name in ("first", "last"):
        if price := answer[name]:
            out.print(f"{name}: {_price(price)}")
    for price in answer["revised"]:
        was = "withdrawn" if price["was"] is None else price["was"]
        out.print(f"[yellow]revised[/] {_price(price)}, was {was}")
    for refused in answer["refused"]:
        where = f"line {refused['line']}: " if refused["line"] else ""
        out.print(f"[red]refused[/] {where}{escape(refused['reason'])}  [dim]{escape(refused['row'])}[/]")
    out.print("Nothing is published yet. To publish this, and to record what was refused:")
    again = shlex.join([str(file), "--as", source, "--confirm", answer["confirm"]])
    out.print(f"  python -m tools ingest {escape(again)}", soft_wrap=True)


def _price(price: dict[str, Any]) -> str:
    period = f"{price['delivery_start']} to {price['delivery_end']}"
    says = "withdrawn" if price["price"] is None else f"at {price['price']} {price['of']}"
    return escape(f"{price['symbol']} {period} {says}, known {price['published_at']}")


def _run(file: Path, args: list[str], *, limit: float = 600) -> dict[str, Any]:
    """Run the pipeline's `ingest` once in a pod like its own, with the file mounted."""
    if file.name.startswith(".."):
        raise UsageError(f"{file.name!r} can be mounted by no pod", remedy="call it otherwise")
    packed = gzip.compress(file.read_bytes(), mtime=0)
    if len(packed) > _LARGEST:
        raise UsageError(
            f"{file}: {len(packed):,} bytes when packed, and {_LARGEST:,} can be handed to a pod",
            remedy="split it, or put it where the pipeline reads its sources and let a run take it",
        )
    job = jobs.template(PRICE_PIPELINE.name, "ingest", f"{_MOUNT}/{file.name}", *args)
    name = job["metadata"]["name"]
    pod = job["spec"]["template"]["spec"]
    pod.setdefault("volumes", []).append(
        {"name": "ingest", "configMap": {"name": name, "items": [{"key": _KEY, "path": file.name}]}}
    )
    [container] = pod["containers"]
    container.setdefault("volumeMounts", []).append({"name": "ingest", "mountPath": _MOUNT, "readOnly": True})
    job["spec"]["backoffLimit"] = 0
    content = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": PLATFORM},
        "binaryData": {_KEY: b64encode(packed).decode()},
    }
    try:
        kube.kubectl("create", "-f", "-", stdin=json.dumps(content))
        kube.kubectl("create", "-f", "-", stdin=json.dumps(job))
        jobs.wait(name, limit=limit)
        said = jobs.log(name)
    finally:
        for kind in ("job", "configmap"):
            kube.kubectl("delete", kind, name, "-n", PLATFORM, "--wait=false", "--ignore-not-found")
    return jobs.answer(said, "source")
