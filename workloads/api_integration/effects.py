"""Records of calls, written beside the answers: a row of `api_audit` and an event on `api-events` each."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import msgspec

from workloads.api_integration.metrics import DROPPED
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.kit import db
from workloads.kit.contracts import tables
from workloads.kit.contracts.api_events import ApiCall
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.outlet import Outlet, ToKafka


class Audit:
    """Rows of `api_audit`. A row that is there already, of a batch whose commit was not heard of, stays."""

    def __init__(self, settings: ApiIntegrationSettings) -> None:
        self._database = db.Database(settings, application_name=API_INTEGRATION.name)
        columns = [name for name in ApiCall.__struct_fields__ if name != "schema_version"]
        self._statement = (
            f"INSERT INTO {tables.SCHEMA}.{tables.API_AUDIT} ({', '.join(columns)})"
            f" VALUES ({', '.join(f'%({name})s' for name in columns)}) ON CONFLICT DO NOTHING"
        ).encode()

    def write(self, records: Sequence[ApiCall]) -> None:
        rows = [_storable(msgspec.structs.asdict(call)) for call in records]
        with self._database.transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(self._statement, rows)

    def close(self, seconds: float) -> int:  # noqa: ARG002 - nothing waits here
        self._database.close()
        return 0


class Effects:
    """All outlets of a worker."""

    def __init__(self, settings: ApiIntegrationSettings) -> None:
        self._seconds = settings.effects_close_seconds
        postgres, kafka = DROPPED.labels("postgres").inc, DROPPED.labels("kafka").inc
        self._outlets: list[Outlet[ApiCall]] = [
            Outlet("postgres", Audit(settings), settings.effects_waiting, postgres),
            Outlet("kafka", ToKafka(settings, "kafka", kafka), settings.effects_waiting, kafka),
        ]

    def record(self, call: ApiCall) -> None:
        """Take a call to be recorded; never waits."""
        for outlet in self._outlets:
            outlet.put(call)

    def close(self) -> None:
        """Write what waits, within the settings' time."""
        threads = [threading.Thread(target=one.close, args=(self._seconds,)) for one in self._outlets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL's text takes no NUL."""
    return {
        name: value.replace("\0", "\\0") if isinstance(value, str) else value for name, value in row.items()
    }
