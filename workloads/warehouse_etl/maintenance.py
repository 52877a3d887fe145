"""What keeps the lake quick to read: small files joined, old versions and lost files dropped, statistics."""

# The packages of the image are in an environment of their own, where pyright does not look.
# pyright: reportMissingImports=false, reportMissingModuleSource=false

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from trino.dbapi import connect
from trino.exceptions import TrinoQueryError

from workloads.kit.contracts import lake
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL
from workloads.warehouse_etl.settings import MaintenanceSettings

_log: Any = structlog.get_logger(__name__)

_STEPS: Final = (
    "ALTER TABLE {table} EXECUTE optimize",
    "ALTER TABLE {table} EXECUTE expire_snapshots(retention_threshold => '{days}d')",
    "ALTER TABLE {table} EXECUTE remove_orphan_files(retention_threshold => '{days}d')",
    "ANALYZE {table}",
)


def maintain(settings: MaintenanceSettings) -> tuple[list[str], dict[str, str]]:
    """Every step on every table, whatever becomes of one. Returns the tables, and table → why it failed.

    Raises:
        trino.exceptions.TrinoConnectionError: Trino is away.
    """
    at = urlsplit(str(settings.trino_url))
    with connect(
        host=at.hostname or "", port=at.port or 80, user=WAREHOUSE_ETL.name, catalog=lake.LAKE
    ) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_schema NOT IN ('information_schema', 'system') AND table_type = 'BASE TABLE'"
            " ORDER BY 1, 2"
        )
        tables = [f'"{schema}"."{name}"' for schema, name in cursor.fetchall()]
        failed: dict[str, str] = {}
        for table in tables:
            for step in _STEPS:
                try:
                    cursor.execute(step.format(table=table, days=settings.lake_keep_days))
                    cursor.fetchall()
                except TrinoQueryError as error:
                    failed[table] = str(error.message)
                    _log.error("table_not_maintained", table=table, step=step, error=str(error.message))
                    break
        return tables, failed
