"""One table from its source to the staging topic: what is new, what changed, and what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, TypeVar

import structlog

from workloads.kit.contracts.sources.legacy import LegacyTable
from workloads.kit.contracts.warehouse import Kind
from workloads.kit.db import Connection
from workloads.kit.producer import TransactionalProducer
from workloads.warehouse_etl import drift, personal
from workloads.warehouse_etl.sources import (
    ChangeLog,
    Comparable,
    Figures,
    Reading,
    Record,
    SourceError,
    SourceKey,
)
from workloads.warehouse_etl.sources.change_log import Mark
from workloads.warehouse_etl.staging import Load, Rejected
from workloads.warehouse_etl.values import key_of

_log: Any = structlog.get_logger(__name__)

T = TypeVar("T")

_COMPARED_AT_ONCE = 5000

_KEY_BYTES = 1000
"""Of a row's key: an index takes no more than a third of a page."""

_NEWEST = (
    "SELECT DISTINCT ON (key) key, operation FROM raw.records"
    " WHERE source = %s AND table_name = %s ORDER BY key, load_id DESC, ordinal DESC"
)


@dataclass(frozen=True)
class Extracted:
    """What a table's turn brought.

    Args:
        figures: what the table amounts to at its source, as of the same instant, where it was asked.
        rejected: what of these is rows that cannot be loaded.
    """

    load_id: int | None
    rows: int
    deletes: int
    refused: int
    figures: Figures | None
    rejected: Rejected


def loaded_files(connection: Connection, source: str, table: str) -> dict[str, str]:
    """Files that were loaded: name → digest."""
    return dict(
        connection.execute(
            "SELECT file, digest FROM etl.files WHERE source = %s AND table_name = %s", (source, table)
        ).fetchall()
    )


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
        columns = drift.check(self._connection, self._source, self._name, drift.Columns.of(reading), self._at)
        is_first, after = self._before()
        if after is not None and not isinstance(reading, ChangeLog) and Mark.read(after) is not None:
            after = None  # a place of the log, by which the table was read before, is no watermark
        comparable = reading.comparable if compare else None
        # Of the same snapshot, and before anything is sent.
        figures = comparable.figures() if comparable is not None else None
        self._connection.execute("DROP TABLE IF EXISTS source_keys")
        self._connection.execute("CREATE TEMP TABLE source_keys (key text NOT NULL)")
        since = None if comparable is not None and self._differed() else after
        log = reading if isinstance(reading, ChangeLog) and since and reading.goes_on(since) else None
        with producer.transaction() as transaction:
            before = self._refused_before()
            load = Load(
                self._source,
                self._name,
                load_id,
                self._at,
                transaction.send,
                topic,
                before,
                # All that there is comes for the first time: it is held against nothing.
                tracked=not is_first,
            )
            if log is not None:
                self._follow(load, log)
            else:
                self._stage(load, reading, since, known=not is_first)
            if not is_first and reading.is_whole:
                self._drop_gone(load, reading)
            elif not is_first and comparable is not None:
                self._compare(load, reading, comparable)
            is_load = not load.is_empty or columns != self._columns() or bool(reading.files())
            mark = reading.watermark(self._at)
            if is_load:
                load.end(after if mark is None else mark, columns, tuple(reading.files()))
        if isinstance(reading, ChangeLog) and not is_load and mark is not None:
            self._keep_place(mark)
        self._keep_refused(load.refused)
        return Extracted(
            load_id if is_load else None,
            load.counts["upsert"],
            load.counts["delete"],
            len(load.refused),
            figures,
            load.rejected,
        )

    @property
    def _of(self) -> tuple[str, str]:
        return self._source, self._name

    def _stage(self, load: Load, reading: Reading, after: str | None, *, known: bool) -> None:
        """Stage rows that are new or changed.

        Args:
            known: whether the layer may have them as they are.
        """
        for some in batches(reading.rows(after), _COMPARED_AT_ONCE):
            # Where not all are read now, those that cannot be loaded are counted when all are compared.
            counted = not known or reading.is_whole
            keyed = [one for row in some if (one := self._keyed(load, row, counted=counted)) is not None]
            if known and reading.is_whole:
                self._keep_keys(key for key, _ in keyed)
            current = self._current([key for key, _ in keyed]) if known else {}
            for key, record in keyed:
                # Of two rows of one key the later counts, whatever the layer has.
                if not known or key in load.staged or current.get(key) != record:
                    load.add("upsert", key, record)

    def _follow(self, load: Load, log: ChangeLog) -> None:
        """Stage every change, whatever the layer has."""
        for before, after in log.changes():
            if before is None and after is None:
                for key in self._present() | load.staged:
                    load.add("delete", key, {})
                continue
            key = None if after is None else self._keyed(load, after)
            gone = None if before is None else self._keyed(load, before)
            if gone is not None and gone[0] != (key and key[0]):
                load.add("delete", gone[0], {})
            if key is not None:
                load.add("upsert", *key)

    def _keyed(self, load: Load, row: Record, *, counted: bool = False) -> tuple[str, Record] | None:
        """A row as the layers have it, below its key; one that cannot be is set aside.

        Args:
            counted: whether such a one counts as rejected.
        """
        record = self._protect(row)
        key = key_of(record, self._settings.key)
        if key is None:
            load.refuse(record, f"no value of the key {', '.join(self._settings.key)}")
        elif len(key.encode()) > _KEY_BYTES:
            load.refuse(record, f"a key of {len(key.encode())} bytes, and {_KEY_BYTES} are the most")
        else:
            return key, record
        if counted:
            load.rejected.add(record)
        return None

    def _present(self) -> set[str]:
        """Keys of all rows that the layer has."""
        found = self._connection.execute(
            f"SELECT key FROM ({_NEWEST}) newest WHERE operation = 'upsert'".encode(), self._of
        )
        return {key for (key,) in found}

    def _drop_gone(self, load: Load, reading: Reading) -> None:
        """Stage what is gone at the source."""
        self._connection.execute("ANALYZE source_keys")
        ((there,),) = self._connection.execute("SELECT count(*) FROM source_keys").fetchall()
        gone = self._connection.execute(
            f"SELECT key FROM ({_NEWEST}) newest WHERE operation = 'upsert'"
            " AND NOT EXISTS (SELECT FROM source_keys k WHERE k.key = newest.key) ORDER BY key".encode(),
            self._of,
        ).fetchall()
        if gone and there == 0 and reading.may_omit:
            raise SourceError(
                f"it gave nothing at all, where there were {len(gone)} rows: taken for a fault of its own"
            )
        for (key,) in gone:
            # Of what the log told, the last was a delete.
            if key not in load.staged:
                load.add("delete", key, {})

    def _compare(self, load: Load, reading: Reading, comparable: Comparable) -> None:
        """Stage what is gone at the source, and what came there behind the watermark."""
        bad: list[SourceKey] = []
        self._keep_keys(self._usable(comparable, bad))
        self._drop_gone(load, reading)
        for row in chain(comparable.rows_of(bad), comparable.unkeyed()):
            self._keyed(load, row, counted=True)
        missing = {
            key
            for (key,) in self._connection.execute(
                f"SELECT key FROM source_keys k WHERE NOT EXISTS (SELECT FROM ({_NEWEST}) newest"
                " WHERE newest.key = k.key AND operation = 'upsert')".encode(),
                self._of,
            )
        } - load.staged
        if not missing:
            return
        _log.warning("behind_watermark", source=self._source, table=self._name, rows=len(missing))
        behind = [
            one
            for one in comparable.all_keys()
            if key_of(self._protect(one.record), self._settings.key) in missing
        ]
        for row in comparable.rows_of(behind):
            record = self._protect(row)
            if (key := key_of(record, self._settings.key)) is not None:
                load.add("upsert", key, record)

    def _usable(self, comparable: Comparable, bad: list[SourceKey]) -> Iterator[str]:
        """The keys of all rows that the layers can have; those of others, where they have one, are added to
        `bad`."""
        for one in comparable.all_keys():
            key = key_of(self._protect(one.record), self._settings.key)
            if key is not None and len(key.encode()) <= _KEY_BYTES:
                yield key
            elif None not in one.values:
                bad.append(one)

    def _keep_keys(self, keys: Iterable[str]) -> None:
        with self._connection.cursor() as cursor, cursor.copy("COPY source_keys FROM STDIN") as copy:
            for key in keys:
                copy.write_row((key,))

    def _differed(self) -> bool:
        """Whether the last comparison found another figure than the source's: then all rows are read."""
        row = self._connection.execute(
            "SELECT bool_or(NOT matches) FROM etl.reconciliation WHERE source = %s AND table_name = %s"
            " AND checked_at = (SELECT max(checked_at) FROM etl.reconciliation"
            " WHERE source = %s AND table_name = %s)",
            (*self._of, *self._of),
        ).fetchone()
        return bool(row and row[0])

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

    def _before(self) -> tuple[bool, str | None]:
        """Whether nothing of the table was loaded yet, and up to where it was."""
        row = self._connection.execute(
            "SELECT CASE WHEN s.placed_load = l.load_id THEN s.place ELSE l.watermark END FROM etl.loads l"
            " LEFT JOIN etl.sources s USING (source, table_name)"
            " WHERE l.source = %s AND l.table_name = %s ORDER BY l.load_id DESC LIMIT 1",
            self._of,
        ).fetchone()
        return row is None, row[0] if row else None

    def _keep_place(self, place: str) -> None:
        """Nothing came, and the log was read on to there: it counts until the next load says more."""
        self._connection.execute(
            "UPDATE etl.sources SET place = %s, placed_load = (SELECT max(load_id) FROM etl.loads l"
            " WHERE l.source = etl.sources.source AND l.table_name = etl.sources.table_name)"
            " WHERE source = %s AND table_name = %s",
            (place, *self._of),
        )

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
