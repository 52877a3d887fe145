"""What was published, read from the topics themselves: there is no second record to fall out of step."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Price
from workloads.kit.log_reader import read_committed_to_end
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline import refusals
from workloads.price_pipeline.rows import Refused
from workloads.price_pipeline.sources.replay import Anchor


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What the ledger needs of a price on the topic."""

    source: str
    symbol: str
    event_time: datetime
    price: float
    market: str
    currency: str
    unit: str
    replayed_from: datetime | None = None


class Ledger:
    """Newest price of each (source, symbol, event_time), and which rows were refused before."""

    def __init__(self) -> None:
        self._prices: dict[tuple[str, str, datetime], float] = {}
        self._newest: dict[tuple[str, str], datetime] = {}
        self._refused: set[bytes] = set()
        self.anchor: Anchor | None = None
        """The replayed price with the newest event time."""
        self.last: dict[str, Entry] = {}
        """The last entry of each symbol, whatever its source."""

    @classmethod
    def read(cls, settings: KafkaSettings, sources: Collection[str] | None = None) -> Ledger:
        """The ledger of `sources`, of all where None, as the topics have it now.

        Raises:
            KafkaUnavailable: the brokers do not answer.
        """
        ledger = cls()
        decode = msgspec.json.Decoder(Entry).decode
        for record in read_committed_to_end(settings, topics.COMMODITY_PRICES, decode):
            if sources is None or record.value.source in sources:
                ledger._note(record.value)
        for record in read_committed_to_end(settings, refusals.TOPIC, bytes):
            if (source := refusals.source_of(record.headers)) is not None:
                ledger._refused.add(_digest(source, record.raw))
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
        return _digest(row.source, row.raw) in self._refused

    def note(self, price: Price) -> None:
        """Take in a price that was published."""
        self._note(
            Entry(
                price.source,
                price.symbol,
                price.event_time,
                price.price,
                price.market,
                price.currency,
                price.unit,
                price.replayed_from,
            )
        )

    def note_refused(self, row: Refused) -> None:
        """Take in a row that was dead-lettered."""
        self._refused.add(_digest(row.source, row.raw))

    def _note(self, entry: Entry) -> None:
        series = (entry.source, entry.symbol)
        self._prices[*series, entry.event_time] = entry.price
        if entry.event_time >= self._newest.get(series, entry.event_time):
            self._newest[series] = entry.event_time
        self.last[entry.symbol] = entry
        if entry.replayed_from and (self.anchor is None or entry.event_time >= self.anchor.event_time):
            self.anchor = Anchor(entry.source, entry.symbol, entry.replayed_from, entry.event_time)


def _digest(source: str, raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=16, key=hashlib.sha256(source.encode()).digest()).digest()
