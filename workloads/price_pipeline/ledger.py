"""What was published, read from the topics themselves: there is no second record to fall out of step."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Price
from workloads.kit.dead_letters import digest
from workloads.kit.log_reader import read_committed_to_end
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline import refusals as dead_letters
from workloads.price_pipeline.rows import Refused
from workloads.price_pipeline.sources.replay import Anchor


class Held(NamedTuple):
    """What was published last under an identity."""

    price: float
    instrument: int
    published_at: datetime


class Ledger:
    """Newest revision of each (source, symbol, delivery_start, resolution), and which rows were refused
    before."""

    def __init__(self) -> None:
        self._prices: dict[tuple[str, str, datetime, str], Held] = {}
        self._newest: dict[tuple[str, str], datetime] = {}
        self._instruments: dict[tuple[str, str, str, str], int] = {}
        self._refused: set[tuple[str, bytes]] = set()
        self.anchor: Anchor | None = None
        """The replayed price with the newest delivery."""
        self.last: dict[str, Price] = {}
        """The last price of each symbol, whatever its source."""

    @classmethod
    def read(
        cls, settings: KafkaSettings, sources: Collection[str] | None = None, *, refusals: bool = True
    ) -> Ledger:
        """The ledger of `sources`, of all where None, as the topics have it now. What no consumer would take
        for a price is none here; the reader counts it. Without `refusals` every refused row is a new one.

        Raises:
            KafkaUnavailable: the brokers do not answer.
        """
        ledger = cls()
        for record in read_committed_to_end(settings, topics.COMMODITY_PRICES, decoder(Price)):
            if sources is None or record.value.source in sources:
                ledger.note(record.value)
        for record in read_committed_to_end(settings, dead_letters.TOPIC, bytes) if refusals else ():
            if (source := dead_letters.source_of(record.headers)) is not None:
                ledger._refused.add((source, digest(record.raw, record.headers)))
        return ledger

    def held(self, identity: Price) -> Held | None:
        """What was published last under this price's identity."""
        return self._prices.get(_identity(identity))

    def same(self, price: Price, held: Held) -> bool:
        """Whether the price says what is held: price, market, product, currency and unit."""
        return held.price == price.price and held.instrument == self._instrument(price)

    def newest(self, source: str, symbol: str) -> datetime | None:
        """The newest delivery start published of a series: its watermark."""
        return self._newest.get((source, symbol))

    def symbols(self, source: str) -> set[str]:
        """Symbols published by `source`."""
        return {symbol for name, symbol in self._newest if name == source}

    def refused(self, row: Refused) -> bool:
        """Whether this row of this source is on the dead-letter topic already."""
        return (row.source, digest(row.raw)) in self._refused

    def note(self, price: Price) -> None:
        """Take in a price that was published."""
        series, start = (price.source, price.symbol), price.delivery_start
        self._prices[_identity(price)] = Held(price.price, self._instrument(price), price.published_at)
        if start >= self._newest.get(series, start):
            self._newest[series] = start
        self.last[price.symbol] = price
        if price.replayed_from and (self.anchor is None or start >= self.anchor.delivery_start):
            self.anchor = Anchor(price.source, price.symbol, price.replayed_from, start)

    def note_refused(self, row: Refused) -> None:
        """Take in a row that was dead-lettered."""
        self._refused.add((row.source, digest(row.raw)))

    def _instrument(self, price: Price) -> int:
        terms = (price.market, price.product, price.currency, price.unit)
        return self._instruments.setdefault(terms, len(self._instruments))


def _identity(price: Price) -> tuple[str, str, datetime, str]:
    return price.source, price.symbol, price.delivery_start, price.resolution
