"""What a consumer's series were as of an offset of each partition, in PostgreSQL: where a restart begins.

A state is what the topic says up to an offset, whoever read it, so it needs no transaction with the effects:
it is kept once the offset is committed, and a restart takes it and reads the topic from there on. Of a
partition, `consumer_offsets` says up to where; `consumer_series` has a row a series, of which those that
changed are written anew in the transaction that moves the offset.

A state is not taken, and a whole one is kept next, where it is of a later offset than the group's (somebody
set it back), of another layout or history, or where rows of it are missing.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import psycopg
import structlog

from workloads.kit import packed
from workloads.kit.contracts import tables
from workloads.kit.db import Connection, Database, upsert
from workloads.kit.records import Transient
from workloads.kit.series_store import SeriesKey, SeriesStore
from workloads.kit.settings import StateSettings

_log = structlog.get_logger(__name__)

_OF: Final = ("consumer_group", "topic_partition")
_KEY: Final = (*_OF, *SeriesKey._fields)
_SERIES_AT_ONCE: Final = 1_000
_PAUSE_SECONDS: Final = 60.0

_FIND: Final = (
    f"SELECT next_offset, layout, series FROM {tables.CONSUMER_OFFSETS}"
    " WHERE consumer_group = %s AND topic_partition = %s"
)
_READ: Final = (
    f"SELECT symbol, resolution, currency, unit, sessions FROM {tables.CONSUMER_SERIES}"
    " WHERE consumer_group = %s AND topic_partition = %s"
)
_DROP_SERIES: Final = (
    f"DELETE FROM {tables.CONSUMER_SERIES} WHERE consumer_group = %s AND topic_partition = %s"
)
_DROP_OFFSET: Final = (
    f"DELETE FROM {tables.CONSUMER_OFFSETS} WHERE consumer_group = %s AND topic_partition = %s"
)


@dataclass(frozen=True, slots=True)
class Pace:
    """When a partition's state is kept (`StateSettings`), with one part in `share` of the time at most."""

    records: int
    seconds: float
    share: int = 20

    @classmethod
    def of(cls, settings: StateSettings) -> Pace:
        return cls(settings.state_records, settings.state_seconds)


class SeriesStates:
    """Of one consumer group and the series of one member of it; `kit.handler.States`."""

    def __init__(self, database: Database, group: str, store: SeriesStore, pace: Pace) -> None:
        self._database = database
        self._group = group
        self._store = store
        self._pace = pace
        self._layout = f"{packed.LAYOUT}: {store.history} and {store.margin} sessions"
        self._kept: dict[int, int] = {}
        """Of each partition, up to where the changes that the store still names are missing in its state."""
        self._kept_at: dict[int, float] = {}
        self._not_before = 0.0

    def recall(self, ends: Mapping[int, int]) -> dict[int, int]:
        """Raises Transient where the database is away."""
        found: dict[int, int] = {}
        for partition, end in ends.items():
            self._store.forget([partition])  # of a try that failed on the way
            self._kept.pop(partition, None)
            self._kept_at[partition] = time.monotonic()
            with self._database.transaction() as connection:
                if (at := self._take(connection, partition, end)) is not None:
                    found[partition] = self._kept[partition] = at
        return found

    def keep(self, partitions: Collection[int]) -> None:
        """What goes wrong is told, and tried again later: the topic still has everything."""
        now = time.monotonic()
        if now < self._not_before:
            return
        due = [partition for partition in partitions if self._is_due(partition, now)]
        if not due:
            return
        partition = min(due, key=lambda one: self._kept_at.get(one, 0.0))
        try:
            self._write(partition)
        except (Transient, psycopg.Error) as error:
            _log.warning("state_not_kept", partition=partition, error=str(error))
            self._not_before = now + _PAUSE_SECONDS
            return
        ended = self._kept_at[partition] = time.monotonic()
        self._not_before = ended + (ended - now) * self._pace.share

    def _is_due(self, partition: int, now: float) -> bool:
        new = self._store.next_offset(partition) - self._kept.get(partition, 0)
        late = now - self._kept_at.get(partition, now) >= self._pace.seconds
        return new >= self._pace.records or (new > 0 and late)

    def _take(self, connection: Connection, partition: int, end: int) -> int | None:
        at = (self._group, partition)
        # Locked, so that who takes the partition for his own still changes nothing between the questions.
        found = connection.execute(f"{_FIND} FOR SHARE", at).fetchone()
        if found is None:
            return None
        next_offset, layout, series = found
        refused = ""
        if next_offset > end:
            refused = f"it is of offset {next_offset}, and the group's is {end}"
        elif layout != self._layout:
            refused = f"it is of layout {layout!r}, and this is {self._layout!r}"
        elif (read := self._read(connection, partition)) != series:
            refused = f"it is of {series} series, and {read} can be read"
        if not refused:
            self._store.resume(partition, next_offset)
            return int(next_offset)
        self._store.forget([partition])
        _log.warning("state_not_taken", partition=partition, reason=refused, remedy="the topic is read")
        connection.execute(_DROP_SERIES, at)
        connection.execute(_DROP_OFFSET, at)
        return None

    def _read(self, connection: Connection, partition: int) -> int:
        count = 0
        with connection.cursor("series", binary=True) as cursor:
            cursor.itersize = 200
            for *key, sessions in cursor.execute(_READ, (self._group, partition)):
                try:
                    self._store.give(partition, SeriesKey(*key), *packed.unpack(sessions))
                except Exception as error:  # whatever is wrong with the bytes, the topic has the same
                    _log.warning("state_unreadable", partition=partition, series=key, error=str(error))
                    continue
                count += 1
        return count

    def _write(self, partition: int) -> None:
        started, at, store = time.monotonic(), (self._group, partition), self._store
        next_offset = store.next_offset(partition)
        with self._database.transaction() as connection:
            found = connection.execute(f"{_FIND} FOR UPDATE", at).fetchone()
            base = self._kept.get(partition)
            if found is not None and found[1] == self._layout and found[0] > next_offset:
                return  # the partition is another's, who was faster
            # What is there may be older than was left there, as after a backup: then the changes do not do.
            whole = found is None or base is None or found[1] != self._layout or found[0] < base
            if whole:
                connection.execute(_DROP_SERIES, at)
            keys = store.series(partition) if whole else store.changed(partition)
            waiting = iter(keys)
            while some := list(islice(waiting, _SERIES_AT_ONCE)):
                upsert(
                    connection, tables.CONSUMER_SERIES, (*_KEY, "sessions"), _KEY, self._rows(partition, some)
                )
            row = (*at, next_offset, self._layout, len(store.series(partition)))
            columns = (*_OF, "next_offset", "layout", "series")
            upsert(connection, tables.CONSUMER_OFFSETS, columns, _OF, [row])
        self._kept[partition] = next_offset
        _log.info(
            "state_kept",
            partition=partition,
            next_offset=next_offset,
            series=len(keys),
            whole=whole,
            seconds=round(time.monotonic() - started, 3),
        )
        store.kept(partition)

    def _rows(self, partition: int, keys: Collection[SeriesKey]) -> Iterator[tuple[Any, ...]]:
        for key in keys:
            sessions = packed.pack(self._store.sessions(partition, key), self._store.origins)
            yield self._group, partition, *key, sessions
