"""The raw layer to the cleaned one and the marts: dbt's models, over the loads that are new."""

# The packages of the image are in an environment of their own, where pyright does not look.
# pyright: reportMissingImports=false, reportMissingModuleSource=false

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from workloads.kit import db
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL
from workloads.kit.contracts.sources.legacy import FilesTable, LegacySources, LegacyTable
from workloads.kit.db import Connection
from workloads.warehouse_etl.settings import WarehouseSettings

_log: Any = structlog.get_logger(__name__)

PROJECT = Path(__file__).parent / "dbt"
_LAYERS = ("cleaned", "analytics")
"""Folders of models whose tables stay, each called as its schema is."""
_STEP = "models"


class TransformFailed(Exception):
    """A model or one of its tests failed: the layers stay as they were, or a test says what is wrong."""


def transform(settings: WarehouseSettings, sources: LegacySources, connection: Connection) -> int:
    """Take in the loads that the models have not seen, or all where a model is not there. Returns how many
    models and tests ran.

    Raises:
        TransformFailed: names each that failed, and why; the next run takes the same loads in again.
    """
    row = connection.execute(
        "SELECT coalesce((SELECT load_id FROM etl.progress WHERE step = %s), 0),"
        " (SELECT coalesce(max(load_id), 0) FROM etl.loads),"
        " (SELECT bool_or(to_regclass(name) IS NULL) FROM unnest(%s::text[]) name)",
        (
            _STEP,
            [f"{layer}.{one.stem}" for layer in _LAYERS for one in PROJECT.glob(f"models/{layer}/*.sql")],
        ),
    ).fetchone()
    since, until, is_any_lacking = row or (0, 0, True)
    if since >= until and not is_any_lacking:
        return 0
    writings = {
        f"{source.name}.{name}": {"time_zone": source.time_zone, **_writing(table)}
        for source in sources.sources
        for name, table in source.tables.items()
    }
    ran = run(settings, "build", {"since": since, "until": until, "writings": writings})
    connection.execute(
        "INSERT INTO etl.progress (step, load_id) VALUES (%s, %s)"
        " ON CONFLICT (step) DO UPDATE SET load_id = excluded.load_id",
        (_STEP, until),
    )
    return ran


def _writing(table: LegacyTable) -> dict[str, str]:
    """How its numbers and days are written."""
    return {"decimal": table.decimal, "dates": table.dates} if isinstance(table, FilesTable) else {}


def run(settings: WarehouseSettings, command: str, variables: Mapping[str, Any]) -> int:
    """Run dbt within this process. Returns how many nodes succeeded.

    Raises:
        TransformFailed: see above.
    """
    from dbt.cli.main import dbtRunner

    with tempfile.TemporaryDirectory() as scratch, _environment(settings):
        done = dbtRunner().invoke(
            [
                command,
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                *("--target-path", scratch, "--log-path", scratch),
                *("--vars", json.dumps(variables)),
                *("--quiet", "--no-version-check", "--log-level-file", "none"),
            ]
        )
        results: list[Any] = list(getattr(done.result, "results", None) or [])
        bad = [one for one in results if str(one.status) not in ("success", "pass", "skipped", "no-op")]
        if done.success and not bad:
            return len(results)
        told = [f"{one.node.name}: {' '.join(str(one.message).split())}" for one in bad]
        raise TransformFailed("; ".join(told) or str(done.exception or "dbt failed and did not say why"))


@contextmanager
def _environment(settings: WarehouseSettings) -> Generator[None]:
    """What profiles.yml reads. The password is in this process's environment only while dbt runs."""
    made = db.parameters(settings.of_warehouse, application_name=WAREHOUSE_ETL.name)
    told = {
        "POSTGRES_HOST": str(made["host"]),
        "POSTGRES_PORT": str(made["port"]),
        "POSTGRES_USER": str(made["user"]),
        "WAREHOUSE_DATABASE": str(made["dbname"]),
        "DBT_ENV_SECRET_PASSWORD": _accepted(settings),
        "DO_NOT_TRACK": "1",
        # Some millions of rows are sorted, once.
        "PGOPTIONS": "-c timezone=UTC -c jit=off -c work_mem=128MB -c client_min_messages=warning",
    }
    if authority := made.get("sslrootcert"):
        told |= {"WAREHOUSE_SSLMODE": "verify-full", "WAREHOUSE_CA_FILE": str(authority)}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _accepted(settings: WarehouseSettings) -> str:
    """The password that the server takes now: while it is rotated, that may be any of three."""
    with db.connect(settings.of_warehouse, application_name=WAREHOUSE_ETL.name) as connection:
        return connection.info.password
