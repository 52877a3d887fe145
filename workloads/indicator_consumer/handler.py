"""What indicator-consumer does with a batch of indicators: each is a row of market_indicators."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from workloads.kit.contracts import tables
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.db import Database, upsert
from workloads.kit.records import Output, Record

Save = Callable[[Sequence[Sequence[Any]]], None]
"""Makes rows of `COLUMNS` durable, at once; again the same ones change nothing."""


class Key(NamedTuple):
    """Identity of an indicator's revision."""

    zone: str
    name: str
    kind: str
    source: str
    resolution: str
    delivery_start: datetime
    published_at: datetime


COLUMNS: Final = (*Indicator.__struct_fields__, "topic_partition", "topic_offset")


class IndicatorHandler:
    """Has no state: what a row holds follows from its message alone."""

    def __init__(self, save: Save) -> None:
        self._save = save

    def restore(self, records: Sequence[Record[Indicator]]) -> None:
        """There is nothing to restore."""

    def forget(self, partitions: Collection[int]) -> None:
        """There is nothing to forget."""

    def committed(self, partitions: Collection[int]) -> None:
        """There is nothing to settle."""

    def process(self, batch: Sequence[Record[Indicator]]) -> list[Output]:
        """Raises Transient where the database is away."""
        self._save(
            [(*msgspec.structs.astuple(record.value), record.partition, record.offset) for record in batch]
        )
        return []


def save_to(database: Database) -> Save:
    """Writes a batch in one transaction."""

    def save(rows: Sequence[Sequence[Any]]) -> None:
        with database.transaction() as connection:
            upsert(connection, tables.MARKET_INDICATORS, COLUMNS, Key._fields, rows)

    return save
