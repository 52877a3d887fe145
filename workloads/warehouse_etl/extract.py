"""One table from its source to the staging topic: what is new, what changed, and what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import structlog

from workloads.kit.contracts.sources.legacy import LegacyTable
from workloads.kit.contracts.warehouse import Kind
from workloads.kit.db import Connection
from workloads.kit.producer import TransactionalProducer
from workloads.warehouse_etl import drift, personal
from workloads.warehouse_etl.sources import Figures, Reading, Record, SourceKey
from workloads.warehouse_etl.staging import Load
from workloads.warehouse_etl.values import key_of

_log: Any = structlog.get_logger(__name__)

T = TypeVar("T")

_COMPARED_AT_ONCE = 5000


@dataclass(frozen=True)
class Extracted:
    """What a table's turn brought.

    Args:
        figures: what the table amounts to at its source, as of the same instant, where it was asked.
    """

    load_id: int | None
    rows: int
    deletes: int
    refused: int
    figures: Figures | None


class Table:
    """One table's turn.

    Args:
        connection: to the warehouse.
        key: of pseudonyms.
    """

    def __init__(
        self,
        connection: Connection,
        source: str,
        name: str,
        settings: LegacyTable,
        *,
        at: datetime,
        key: bytes | None,
    ) -> None:
        self._connection, self._source, self._name, self._at = connection, source, name, at
        self._settings = settings
        self._protect = personal.protector(settings.personal, key)

    def loaded_files(self) -> dict[str, str]:
        """Files that were loaded: name → digest."""
        return dict(
            self._connection.execute(
                "SELECT file, digest FROM etl.files WHERE source = %s AND table_name = %s", self._of
            ).fetchall()
        )

    def extract(
        self, reading: Reading, producer: TransactionalProducer, *, load_id: int, topic: str, compare: bool
    ) -> Extracted:
        """Stage what the layers lack.

        Args:
            load_id: of a load, where there is one.
            topic: that it is staged on.
            compare: whether keys and figures are compared with the source's.

        Raises:
            SourceError: it cannot be read: nothing of it is staged.
            Stopped: it changed in a way that somebody has to look at.
        """
        columns = drift.check(self._connection, self._source, self._name, reading.columns, self._at)
        after = self._watermark()
        with producer.transaction() as transaction:
            load = Load(
                self._source, self._name, load_id, self._at, transaction.send, topic, self._refused_before()
            )
            seen = self._stage(load, reading, after)
            if compare or reading.is_whole:
                self._compare(load, reading, seen)
            is_load = not load.is_empty or columns != self._columns() or bool(reading.files())
            if is_load:
                mark = reading.watermark()
                load.end(after if mark is None else mark, columns, tuple(reading.files()))
        self._keep_refused(load.refused)
        return Extracted(
            load_id if is_load else None,
            load.counts["upsert"],
            load.counts["delete"],
            len(load.refused),
            reading.figures() if compare else None,
        )

    @property
    def _of(self) -> tuple[str, str]:
        return self._source, self._name

    def _stage(self, load: Load, reading: Reading, after: str | None) -> set[str] | None:
        """Stage rows that are new or changed. Returns the keys of all, of a source that gave all."""
        seen: set[str] | None = set() if reading.is_whole else None
        for some in batches(reading.rows(after), _COMPARED_AT_ONCE):
            keyed: list[tuple[str, Record, bool]] = []
            for row in some:
                record = self._protect(row)
                if (key := key_of(record, self._settings.key)) is None:
                    load.refuse(record, f"no value of the key {', '.join(self._settings.key)}")
                else:
                    keyed.append((key, record, reading.is_known(row, after)))
            if seen is not None:
                seen.update(key for key, _, _ in keyed)
            current = self._current([key for key, _, known in keyed if known])
            for key, record, known in keyed:
                if not known or current.get(key) != record:
                    load.add("upsert", key, record)
                    if known:
                        # Of two rows of one key the later counts, and comes once.
                        current[key] = record
        return seen

    def _compare(self, load: Load, reading: Reading, seen: set[str] | None) -> None:
        """Stage what is gone at the source, and what came there behind the watermark."""
        there: dict[str, SourceKey] = {}
        if seen is None:
            if (keys := reading.keys()) is None:
                return
            for one in keys:
                if (key := key_of(self._protect(one.record), self._settings.key)) is not None:
                    there[key] = one
            seen = set(there)
        staged = load.staged
        known = {
            key
            for (key,) in self._connection.execute(
                "SELECT key FROM (SELECT DISTINCT ON (key) key, operation FROM raw.records"
                " WHERE source = %s AND table_name = %s ORDER BY key, load_id DESC, ordinal DESC) newest"
                " WHERE operation = 'upsert'",
                self._of,
            )
        }
        for key in sorted(known - seen - staged):
            load.add("delete", key, {})
        # Nothing of a source that gave all: what it has was staged.
        behind = [there[key] for key in sorted(there.keys() - known - staged)]
        if not behind:
            return
        _log.warning("behind_watermark", source=self._source, table=self._name, rows=len(behind))
        for row in reading.rows_of(behind):
            record = self._protect(row)
            if (key := key_of(record, self._settings.key)) is not None:
                load.add("upsert", key, record)

    def _current(self, keys: Sequence[str]) -> dict[str, Record]:
        """The newest records of these keys; none of one that was deleted."""
        if not keys:
            return {}
        rows = self._connection.execute(
            "SELECT DISTINCT ON (key) key, operation, record FROM raw.records"
            " WHERE source = %s AND table_name = %s AND key = ANY(%s)"
            " ORDER BY key, load_id DESC, ordinal DESC",
            (*self._of, list(keys)),
        )
        return {key: record for key, operation, record in rows if operation == "upsert"}

    def _watermark(self) -> str | None:
        row = self._connection.execute(
            "SELECT watermark FROM etl.loads WHERE source = %s AND table_name = %s"
            " ORDER BY load_id DESC LIMIT 1",
            self._of,
        ).fetchone()
        return row[0] if row else None

    def _columns(self) -> dict[str, Kind]:
        row = self._connection.execute(
            "SELECT columns FROM etl.sources WHERE source = %s AND table_name = %s", self._of
        ).fetchone()
        return row[0] if row else {}

    def _refused_before(self) -> set[str]:
        return {
            digest
            for (digest,) in self._connection.execute(
                "SELECT digest FROM etl.refused WHERE source = %s AND table_name = %s", self._of
            )
        }

    def _keep_refused(self, refused: Mapping[str, str]) -> None:
        for digest, reason in refused.items():
            self._connection.execute(
                "INSERT INTO etl.refused (source, table_name, digest, refused_at, reason)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (*self._of, digest, self._at, reason),
            )


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in lists of at most `size`."""
    iterator = iter(items)
    while some := list(islice(iterator, size)):
        yield some
