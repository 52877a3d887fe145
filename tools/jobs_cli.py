"""`job`: a scheduled job, now. `upload`: a file to where the warehouse looks for files."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from tools import access, jobs, kube
from tools.errors import ToolError, UsageError
from workloads.kit.contracts import env, lake
from workloads.kit.contracts.declared.services import OBJECT_STORE
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL
from workloads.kit.contracts.namespaces import PLATFORM
from workloads.kit.contracts.sources.legacy import ENDINGS, FilesLegacy, LegacySources

app = typer.Typer()


@app.command(context_settings={"ignore_unknown_options": True})
def job(
    name: Annotated[str, typer.Argument(help="a scheduled job, such as warehouse-etl")],
    arguments: Annotated[list[str] | None, typer.Argument(help="in place of the schedule's")] = None,
    file: Annotated[Path | None, typer.Option(help="what it reads from its standard input")] = None,
    seconds: Annotated[int, typer.Option(min=1, help="the longest that it may take")] = 3600,
) -> None:
    """Run a scheduled job now, by its schedule's arguments or by others, and show its log."""
    there = sorted(one["metadata"]["name"] for one in kube.get("cronjobs", "-n", PLATFORM)["items"])
    if name not in there:
        raise UsageError(f"{name!r} is no scheduled job here", remedy=f"there are {', '.join(there)}")
    stdin = None if file is None else _text(file)
    typer.echo(jobs.run(name, *(arguments or ()), stdin=stdin, limit=seconds))


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(help="on this machine")],
    name: Annotated[
        str, typer.Argument(help="below the bucket: SOURCE/NAME, such as billing/invoices-1.csv")
    ],
) -> None:
    """Put a file where warehouse-etl looks for those of a source: the bucket of uploads. A name that it would
    not look for is refused."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    if "/" not in name.strip("/"):
        raise UsageError(f"{name!r} is below no source", remedy="give SOURCE/NAME, such as billing/i.csv")
    content = _bytes(file)
    _looked_for(*name.strip("/").split("/", 1))
    held: list[dict[str, Any]] = kube.get("secret", "-n", PLATFORM, "--field-selector", _STORE)["items"]
    if not held:
        raise UsageError("there is no object store here", remedy="make up WITH=warehouse")
    client: Any = boto3.client(
        "s3",
        endpoint_url=access.where(access.by_name(OBJECT_STORE.name)),
        region_name=lake.REGION,
        aws_access_key_id=lake.ACCESS_KEY,
        aws_secret_access_key=base64.b64decode(held[0]["data"][env.OBJECT_STORE_SECRET]).decode(),
        config=Config(retries={"max_attempts": 3}, s3={"addressing_style": "path"}),
    )
    try:
        client.put_object(Bucket=lake.UPLOADS, Key=name.strip("/"), Body=content)
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"{name}: {error}", remedy="runbooks/ObjectStoreAway.md") from error
    typer.echo(
        f"{name}: {len(content)} bytes. The next run takes it in; now: python -m tools job warehouse-etl"
    )


def _looked_for(source: str, name: str) -> None:
    """Refuse a file that no table of warehouse-etl takes in, or that would stop one."""
    held: list[dict[str, Any]] = kube.get("configmap", "-n", PLATFORM, "--field-selector", _ETL)["items"]
    if not held:
        raise UsageError("nobody looks for uploads here", remedy="make up WITH=warehouse")
    [listed] = held[0]["data"].values()
    found = {
        one.name: one.tables
        for one in LegacySources.model_validate_json(listed).sources
        if isinstance(one, FilesLegacy) and one.url is None
    }
    if source not in found:
        raise UsageError(
            f"{source!r} is no source of uploads", remedy=f"there are {', '.join(sorted(found)) or 'none'}"
        )
    if not any(table.has(name) for table in found[source].values()):
        wanted = ", ".join(f"{table.pattern} of {of}" for of, table in found[source].items())
        raise UsageError(
            f"{name!r} is none of {source}'s files", remedy=f"name it as a pattern says: {wanted}"
        )
    if not name.endswith(ENDINGS):
        raise UsageError(f"{name!r} is neither of {' and '.join(ENDINGS)}", remedy="give it its ending")


_ETL = f"metadata.name={WAREHOUSE_ETL.name}"
_STORE = f"metadata.name={OBJECT_STORE.name}"


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", remedy="give a file that can be read") from error


def _text(file: Path) -> str:
    try:
        return _bytes(file).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: {error}", remedy="give a text in UTF-8") from error
