"""What analytics-consumer does with a batch of prices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from workloads.analytics_consumer import rows
from workloads.analytics_consumer.figures import INDICATORS_SIZE
from workloads.kit.codec import encode
from workloads.kit.contracts import tables, topics
from workloads.kit.contracts.messages import Analytics, Price
from workloads.kit.db import Database, upsert
from workloads.kit.records import Output, Record
from workloads.kit.series import HISTORY
from workloads.kit.series_states import Pace, SeriesStates
from workloads.kit.series_store import SeriesKey, SeriesStore


@dataclass(frozen=True, slots=True)
class Effects:
    """What a batch writes to each table; of rows with one key the last holds."""

    prices: Sequence[Sequence[Any]]
    trends: Sequence[Sequence[Any]]
    indicators: Sequence[Sequence[Any]]


class AnalyticsHandler:
    """Keeps the windows of each series; for each price writes its row, and the rows and messages of every
    session whose window it touches: its own, and for a late price or a correction the later ones too.

    Which rows there are follows from the topic alone. A row's `available_time` is that of the newest price in
    its window, so a correction adds rows and the earlier ones stay as what was known before.
    """

    def __init__(self, save: Callable[[Effects], None], *, history: int = HISTORY) -> None:
        self._save = save
        self._store = SeriesStore(margin=INDICATORS_SIZE, history=history)

    def states(self, database: Database, group: str, pace: Pace) -> SeriesStates:
        """Where its windows are kept for a restart."""
        return SeriesStates(database, group, self._store, pace)

    def restore(self, records: Sequence[Record[Price]]) -> None:
        self._store.restore(records)

    def forget(self, partitions: Collection[int]) -> None:
        self._store.forget(partitions)

    def committed(self, partitions: Collection[int]) -> None:
        self._store.settle(partitions)

    def process(self, batch: Sequence[Record[Price]]) -> list[Output]:
        """Raises Transient where the database is away."""
        messages: dict[rows.Key, Analytics] = {}
        indicators: list[Sequence[Any]] = []
        for series, records, change in self._store.apply(batch, together=True):
            of = SeriesKey.of(records[0].value)
            for message in rows.trend_messages(of, series, change, self._store.origins):
                key = rows.Key(
                    message.source, of.symbol, message.event_time, of.resolution, message.available_time
                )
                messages[key] = message
            indicators += rows.indicator_rows(of, series, change, self._store.origins)
        self._save(
            Effects(
                prices=[rows.price_row(record) for record in batch],
                trends=[rows.trend_row(message) for message in messages.values()],
                indicators=indicators,
            )
        )
        return [
            Output(topics.COMMODITY_ANALYTICS, message.symbol, encode(message))
            for message in messages.values()
        ]


def save_to(database: Database) -> Callable[[Effects], None]:
    """Writes a batch's effects in one transaction."""

    def save(effects: Effects) -> None:
        key = rows.Key._fields
        with database.transaction() as connection:
            upsert(
                connection,
                tables.COMMODITY_PRICES_DAILY,
                rows.PRICE_COLUMNS,
                rows.PriceKey._fields,
                effects.prices,
            )
            upsert(connection, tables.PRICE_TRENDS, rows.TREND_COLUMNS, key, effects.trends)
            upsert(connection, tables.TECHNICAL_INDICATORS, rows.INDICATOR_COLUMNS, key, effects.indicators)

    return save
