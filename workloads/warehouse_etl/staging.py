"""Rows to the staging topic: those of a load in one transaction, its last message saying what it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from workloads.kit import codec
from workloads.kit.contracts import topics
from workloads.kit.contracts.warehouse import (
    ROWS_A_MESSAGE,
    Kind,
    LoadEnd,
    Operation,
    StagedFile,
    StagedRows,
)
from workloads.kit.dead_letters import MAX_BYTES
from workloads.kit.records import Output
from workloads.warehouse_etl.sources import Record, SourceError

_decode = codec.decoder(StagedRows)

_REASON_CHARACTERS = 500


class Rejected:
    """Rows at the source that cannot be loaded, and what their numbers add up to, by column."""

    def __init__(self) -> None:
        self.rows = 0
        self.sums: dict[str, Decimal] = {}

    def add(self, record: Record) -> None:
        """One more."""
        self.rows += 1
        for name, value in record.items():
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                try:
                    self.sums[name] = self.sums.get(name, Decimal(0)) + Decimal(str(value))
                except ArithmeticError:
                    # A text that is no number.
                    continue


class Load:
    """A load that is being staged.

    Args:
        send: queues a message within the load's transaction.
        topic: that it is staged on.
        refused: digests of rows that were set aside before.
        tracked: whether `staged` is kept.
    """

    def __init__(
        self,
        source: str,
        table: str,
        load_id: int,
        read_at: datetime,
        send: Callable[[Output], None],
        topic: str,
        refused: Collection[str] = (),
        *,
        tracked: bool = True,
    ) -> None:
        self._source, self._table, self.load_id, self._read_at = source, table, load_id, read_at
        self._tracked = tracked
        self.staged: set[str] = set()
        """Keys of its rows."""
        self._send, self._topic = send, topic
        self._operation: Operation = "upsert"
        self._rows: list[tuple[str, Record]] = []
        self._first = 0
        self.counts: dict[Operation, int] = {"upsert": 0, "delete": 0}
        self._known = frozenset(refused)
        self.refused: dict[str, str] = {}
        """Digest → reason of rows that were set aside now for the first time."""
        self.rejected = Rejected()
        """All that were met, were they set aside before or not."""

    def add(self, operation: Operation, key: str, record: Record) -> None:
        """One more row."""
        if self._rows and (operation != self._operation or len(self._rows) == ROWS_A_MESSAGE):
            self._flush(None)
        self._operation = operation
        self._rows.append((key, record))
        self.counts[operation] += 1
        if self._tracked:
            self.staged.add(key)

    def refuse(self, record: Record, reason: str) -> None:
        """A row that cannot be loaded is set aside, once."""
        whole = msgspec.json.encode(record)
        digest = hashlib.sha256(whole).hexdigest()
        if digest in self._known or digest in self.refused:
            return
        self.refused[digest] = reason = reason[:_REASON_CHARACTERS]
        told: list[tuple[str, bytes]] = [
            ("reason", reason.encode()),
            ("source", f"{self._source}.{self._table}".encode()),
        ]
        self._send(
            Output(
                topics.dead_letter(self._topic),
                key=f"{self._source}.{self._table}",
                value=whole[:MAX_BYTES],
                headers=told,
            )
        )

    @property
    def is_empty(self) -> bool:
        return not any(self.counts.values())

    def end(self, watermark: str | None, columns: Mapping[str, Kind], files: tuple[StagedFile, ...]) -> None:
        """The load is whole."""
        self._flush(
            LoadEnd(
                rows=self.counts["upsert"],
                deletes=self.counts["delete"],
                watermark=watermark,
                columns=dict(columns),
                files=files,
            )
        )

    def _flush(self, end: LoadEnd | None) -> None:
        rows, self._rows = self._rows, []
        first, self._first = self._first, self._first + len(rows)
        self._write(rows, first, end)

    def _write(self, rows: list[tuple[str, Record]], first: int, end: LoadEnd | None) -> None:
        value = codec.encode(
            StagedRows(
                source=self._source,
                table=self._table,
                load_id=self.load_id,
                read_at=self._read_at,
                operation=self._operation,
                first=first,
                rows=rows,
                end=end,
            )
        )
        try:
            # Whoever writes what nobody can read loses it.
            _decode(value)
        except codec.DecodeError as error:
            raise SourceError(f"what the source gives cannot be staged: {error}") from error
        if len(value) > MAX_BYTES and len(rows) == 1:
            # Too long for any message: set aside, and its number in the load stays free.
            self.counts[self._operation] -= 1
            self.rejected.add(rows[0][1])
            self.refuse(
                rows[0][1], f"key {rows[0][0][:200]}: a row of {len(value)} bytes fits into no message"
            )
            rows = []
            if end is None:
                return
            ended = msgspec.structs.replace(end, rows=self.counts["upsert"], deletes=self.counts["delete"])
            self._write([], first, ended)
        elif len(value) > MAX_BYTES and rows:
            half = len(rows) // 2
            self._write(rows[:half], first, None)
            # The first half may have lost a row.
            self._write(
                rows[half:],
                first + half,
                end
                and msgspec.structs.replace(end, rows=self.counts["upsert"], deletes=self.counts["delete"]),
            )
        else:
            self._send(Output(self._topic, key=f"{self._source}.{self._table}", value=value))
