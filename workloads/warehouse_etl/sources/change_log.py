"""Tables of MariaDB whose changes are read of its log, in the order in which they were made."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, Self

import msgspec
from confluent_kafka import Consumer

from workloads.kit import codec, kafka
from workloads.kit.contracts.declaration import NO_GROUP
from workloads.kit.contracts.sources.legacy import MySqlLegacy
from workloads.kit.contracts.warehouse import Kind, StagedFile
from workloads.kit.log_reader import bounds, read_ranges
from workloads.warehouse_etl.settings import WarehouseSettings
from workloads.warehouse_etl.sources import Changed, Comparable, Record, SourceError, sql
from workloads.warehouse_etl.sources.connect import Connector
from workloads.warehouse_etl.sources.sql import SqlReading
from workloads.warehouse_etl.values import plain

_PARTITION = 0
"""Of the topic of changes, which has no other."""

_OF_ROWS = ("Annotate_rows", "Table_map", "Write_rows", "Update_rows", "Delete_rows")
"""How events that change rows are called, or start to be."""


class Place(NamedTuple):
    """A place in a server's log: number of the file, and bytes in it."""

    file: int
    position: int

    @classmethod
    def of(cls, file: str, position: int) -> Self:
        return cls(int(file.rpartition(".")[2]), position)


class Mark(NamedTuple):
    """Up to where changes were read, as a watermark has it.

    Args:
        place: what lies before it was seen.
        offset: of the topic of changes: what lies before it need not be read again.
    """

    place: Place
    offset: int

    def __str__(self) -> str:
        return f"{self.place.file}:{self.place.position}@{self.offset}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None of what is no such mark: the table was read another way before."""
        try:
            place, offset = text.split("@")
            file, position = place.split(":")
            return cls(Place(int(file), int(position)), int(offset))
        except ValueError:
            return None


class _At(msgspec.Struct, frozen=True):
    name: str
    db: str
    table: str
    file: str
    pos: int
    row: int = 0


class Change(msgspec.Struct, frozen=True):
    """A message of Debezium: what is done to a row, or to all rows (`t`)."""

    op: str
    source: _At
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class LogReading:
    """A table as of one instant, and its changes up to there. See `ChangeLog`.

    Args:
        whole: the table in its snapshot.
        offset: end of the topic of changes, asked before the snapshot was made.
    """

    def __init__(
        self,
        source: MySqlLegacy,
        name: str,
        settings: WarehouseSettings,
        connector: Connector,
        whole: SqlReading,
        offset: int,
    ) -> None:
        self._settings, self._connector, self._whole = settings, connector, whole
        database, _, table = (source.tables[name].name or name).rpartition(".")
        self._of = (source.name, database or source.database, table)
        self._file, position, self._transactions = _snapshot(whole)
        self._mark = Mark(Place.of(self._file, position), offset)
        self._since: Mark | None = None
        self.columns: Mapping[str, Kind] = whole.columns
        self.comparable: Comparable | None = whole
        self.is_whole, self.may_omit = True, False
        self.lacking = self.lost = self.left_out = whole.lacking

    def rows(self, after: str | None) -> Iterator[Record]:
        return self._whole.rows(after)

    def watermark(self, at: datetime) -> str | None:  # noqa: ARG002 - a place in a log is no time
        return str(self._mark)

    def files(self) -> Sequence[StagedFile]:
        return ()

    def goes_on(self, after: str) -> bool:
        since = Mark.read(after)
        first, end = _bounds(self._settings)
        if since is None or since.place > self._mark.place or not first <= since.offset <= end:
            # The server has another log, or the topic has lost what came since, or was made anew.
            return False
        self._connector.wait(self._is_reached)
        self._since, self.is_whole = since, False
        return True

    def changes(self) -> Iterator[Changed]:
        assert self._since is not None, "it goes on"
        end, seen = _bounds(self._settings)[1], (self._since.place, -1, False)
        wanted = {_PARTITION: (self._since.offset, end)}
        rest = end
        for records in read_ranges(self._settings, self._settings.changes_topic, wanted, _decode):
            for record in records:
                change = record.value
                at = change.source
                if at.name != self._of[0]:
                    continue
                place = Place.of(at.file, at.pos)
                if place >= self._mark.place:
                    rest = min(rest, record.offset)
                # What Connect sent once more after it was killed is behind what was seen.
                elif (at.db, at.table) == self._of[1:] and (now := (place, at.row, change.op != "d")) > seen:
                    # A key that changed is a delete and an insert of one place.
                    seen = now
                    yield Changed(self._record(change.before), self._record(change.after))
        self._mark = self._mark._replace(offset=rest)

    def _record(self, row: Mapping[str, Any] | None) -> Record | None:
        if row is None:
            return None
        return {name: shown(value, self._whole.types.get(name, ("",))) for name, value in row.items()}

    def _is_reached(self, place: Mapping[str, Any]) -> bool:
        """Whether all up to the snapshot is on the topic."""
        has, wanted = _counts(place.get("gtids")), _counts(self._transactions)
        left = [count - has.get(domain, 0) for domain, count in wanted.items()]
        lacking = [count for count in left if count > 0]
        if not lacking:
            return True
        # A statement that changes tables, not rows, is no transaction that ends: the place stays before it,
        # and counts what was read since.
        if lacking != [1] or not place.get("event") or place.get("file") != self._file:
            return False
        events = self._whole.asked(f"SHOW BINLOG EVENTS IN '{self._file}' FROM {int(place['pos'])}", ())
        return not any(
            str(kind).startswith(_OF_ROWS)
            for _, start, kind, *_ in events
            if int(start) < self._mark.place.position
        )


def _snapshot(whole: SqlReading) -> tuple[str, int, str]:
    """Where the snapshot lies in the server's log: file, position, and the transactions until there."""
    found = dict(whole.asked("SHOW STATUS LIKE 'binlog_snapshot_%%'", ()))
    file, position = found.get("Binlog_snapshot_file"), found.get("Binlog_snapshot_position")
    if not file or not position:
        raise SourceError(
            "changes: log needs MariaDB with log_bin on, binlog_format ROW and binlog_row_image FULL: set "
            "them, or give the table a watermark"
        )
    statement = f"SELECT BINLOG_GTID_POS('{file}', {int(position)})"
    return file, int(position), str(next(whole.asked(statement, ()))[0] or "")


def _counts(transactions: str | None) -> dict[str, int]:
    """Domain → how many transactions, of MariaDB's list of them (`0-7-12,1-7-3`)."""
    parts = [one.split("-") for one in (transactions or "").split(",") if one]
    return {domain: int(count) for domain, _, count in parts}


def shown(value: Any, of: Sequence[Any]) -> Any:
    """A value of the log as a query shows it.

    Args:
        of: what the catalogue says of its column: type, scale, digits of its seconds.
    """
    kind, digits = str(of[0]).lower(), (of[2] if len(of) > 2 else None) or 0
    if value is None:
        return None
    match kind, value:
        case "date", str():
            return value.removesuffix("Z")
        case "time", str():
            return _seconds(value.removesuffix("Z"), digits)
        case "datetime", str():
            return _seconds(value.removesuffix("Z").replace("T", " "), digits)
        case "timestamp", str():
            return _seconds(value.removesuffix("Z").replace("T", " "), digits) + "+00:00"
        case "float", float() | int():
            # As the server's own double of it.
            return struct.unpack("f", struct.pack("f", value))[0]
        case "bit", bool():
            return plain(bytes([value]))
        case "bit", str():
            # The lowest byte comes first there.
            return plain(base64.b64decode(value)[::-1])
        case _:
            return plain(value)


def _seconds(text: str, digits: int) -> str:
    """With as many digits as the column has."""
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:digits]:0<{digits}}" if digits else whole


_decode = codec.decoder(Change)


def _bounds(settings: WarehouseSettings) -> tuple[int, int]:
    """First and end of what the topic of changes has."""
    reader = Consumer({**kafka.reading(settings), "group.id": NO_GROUP})
    try:
        found = bounds(reader, settings, settings.changes_topic)
    finally:
        reader.close()
    if _PARTITION not in found:
        raise SourceError(f"there is no topic {settings.changes_topic}: run the migrations")
    return found[_PARTITION]


@contextmanager
def opened(source: MySqlLegacy, name: str, settings: WarehouseSettings) -> Iterator[LogReading]:
    """A table as of now.

    Raises:
        SourceError: as of `sql.opened`; or its log is not read, and why.
    """
    connector = Connector(source, settings)
    connector.ensure()
    # All that is not in the snapshot comes to the topic after this.
    offset = _bounds(settings)[1]
    with sql.opened(source, name) as whole:
        yield LogReading(source, name, settings, connector, whole, offset)
