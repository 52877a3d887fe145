"""What was published, read from the topics themselves: there is no second record to fall out of step."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Price
from workloads.kit.dead_letters import digest
from workloads.kit.log_reader import read_committed_to_end
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline import refusals
from workloads.price_pipeline.rows import Refused
from workloads.price_pipeline.sources.replay import Anchor


class Ledger:
    """Newest price of each (source, symbol, event_time), and which rows were refused before."""

    def __init__(self) -> None:
        self._prices: dict[tuple[str, str, datetime], float] = {}
        self._newest: dict[tuple[str, str], datetime] = {}
        self._refused: set[tuple[str, bytes]] = set()
        self.anchor: Anchor | None = None
        """The replayed price with the newest event time."""
        self.last: dict[str, Price] = {}
        """The last price of each symbol, whatever its source."""

    @classmethod
    def read(cls, settings: KafkaSettings, sources: Collection[str] | None = None) -> Ledger:
        """The ledger of `sources`, of all where None, as the topics have it now. What no consumer would take
        for a price is none here; the reader counts it.

        Raises:
            KafkaUnavailable: the brokers do not answer.
        """
        ledger = cls()
        for record in read_committed_to_end(settings, topics.COMMODITY_PRICES, decoder(Price)):
            if sources is None or record.value.source in sources:
                ledger.note(record.value)
        for record in read_committed_to_end(settings, refusals.TOPIC, bytes):
            if (source := refusals.source_of(record.headers)) is not None:
                ledger._refused.add((source, digest(record.raw, record.headers)))
        return ledger

    def price(self, identity: Price) -> float | None:
        """The price published last under this identity."""
        return self._prices.get((identity.source, identity.symbol, identity.event_time))

    def newest(self, source: str, symbol: str) -> datetime | None:
        """The newest event time published of a series: its watermark."""
        return self._newest.get((source, symbol))

    def symbols(self, source: str) -> set[str]:
        """Symbols published by `source`."""
        return {symbol for name, symbol in self._newest if name == source}

    def refused(self, row: Refused) -> bool:
        """Whether this row of this source is on the dead-letter topic already."""
        return (row.source, digest(row.raw)) in self._refused

    def note(self, price: Price) -> None:
        """Take in a price that was published."""
        series = (price.source, price.symbol)
        self._prices[*series, price.event_time] = price.price
        if price.event_time >= self._newest.get(series, price.event_time):
            self._newest[series] = price.event_time
        self.last[price.symbol] = price
        if price.replayed_from and (self.anchor is None or price.event_time >= self.anchor.event_time):
            self.anchor = Anchor(price.source, price.symbol, price.replayed_from, price.event_time)

    def note_refused(self, row: Refused) -> None:
        """Take in a row that was dead-lettered."""
        self._refused.add((row.source, digest(row.raw)))
