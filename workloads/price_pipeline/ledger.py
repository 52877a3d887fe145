"""What was published, read from the topics themselves: there is no second record to fall out of step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import msgspec

from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import Price, Withdrawn
from workloads.kit.dead_letters import digest
from workloads.kit.log_reader import read_committed_to_end
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline import refusals as dead_letters
from workloads.price_pipeline.rows import Refused
from workloads.price_pipeline.sources.replay import Anchor


class Held(NamedTuple):
    """What was published last under an identity."""

    amount: float
    terms: int
    published_at: datetime
    stated_at: datetime
    """As the source dates it; `published_at` where that is its own word."""
    withdrawn: Withdrawn | None = None


class Ledger:
    """Newest revision of each (source, series, delivery_start, resolution), and which rows were refused
    before."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, datetime, str], Held] = {}
        self._newest: dict[tuple[str, str], datetime] = {}
        self._terms: dict[tuple[str, ...], int] = {}
        self._refused: set[tuple[str, str, bytes]] = set()
        self.anchor: Anchor | None = None
        """The replayed price with the newest delivery."""
        self.last: dict[str, Price] = {}
        """The last price of each symbol, whatever its source."""

    @classmethod
    def read(
        cls,
        settings: KafkaSettings,
        sources: Collection[str] | None = None,
        *,
        of: Collection[type[Message]] = (Price,),
        refusals: bool = True,
    ) -> Ledger:
        """The ledger of `sources`, of all where None, as the topics of these messages have it now. What no
        consumer would take for one is none here; the reader counts it. Without `refusals` every refused row
        is a new one.

        Raises:
            KafkaUnavailable: the brokers do not answer.
        """
        ledger = cls()
        for message in of:
            for record in read_committed_to_end(settings, message.topic, decoder(message)):
                if sources is None or record.value.source in sources:
                    ledger.note(record.value)
            dead = topics.dead_letter(message.topic)
            for letter in read_committed_to_end(settings, dead, bytes) if refusals else ():
                if (series := dead_letters.series_of(letter.headers)) is not None:
                    ledger._refused.add((*series, digest(letter.raw, letter.headers)))
        return ledger

    def held(self, identity: Message) -> Held | None:
        """What was published last under this message's identity."""
        return self._held.get(_identity(identity))

    def same(self, message: Message, held: Held) -> bool:
        """Whether the message says the number that is held, in the terms that it is in."""
        return held.amount == message.amount and held.terms == self._numbered(message.terms)

    def taken_back(self, price: Price) -> Price | None:
        """What was published of the period of `price`, `withdrawn` as this is; None where there is nothing,
        or the source took it back before. What the platform took back its source can, too."""
        held = self.held(price)
        if held is None or held.withdrawn == "source":
            return None
        currency, unit, market, product = next(
            terms for terms, number in self._terms.items() if number == held.terms
        )
        given = msgspec.to_builtins(price) | {
            "price": held.amount,
            "currency": currency,
            "unit": unit,
            "market": market,
            "product": product,
        }
        return msgspec.convert(given, Price)

    def newest(self, source: str, series: str) -> datetime | None:
        """The newest delivery start published of a series: its watermark."""
        return self._newest.get((source, series))

    def series(self, source: str) -> set[str]:
        """Series published by `source`."""
        return {series for name, series in self._newest if name == source}

    def has(self, source: str, series: str, start: datetime, resolution: str) -> bool:
        """Whether a series was published of the period that starts then."""
        return (source, series, start, resolution) in self._held

    def shared(self, source: str) -> dict[tuple[str, str], int]:
        """Of how many periods another source published what `source` did, too: by that one and the series."""
        ours = self.series(source)
        others = {other for other, series in self._newest if other != source and series in ours}
        found: Counter[tuple[str, str]] = Counter()
        for name, series, start, resolution in self._held if others else ():
            if name == source:
                there = (other for other in others if (other, series, start, resolution) in self._held)
                found.update((other, series) for other in there)
        return dict(found)

    def refused(self, row: Refused) -> bool:
        """Whether this row of this source is on the dead-letter topic already."""
        return (row.source, row.symbol, digest(row.raw)) in self._refused

    def note(self, message: Message) -> None:
        """Take in what was published."""
        series, start = (message.source, message.series), message.delivery_start
        terms = self._numbered(message.terms)
        self._held[_identity(message)] = Held(
            message.amount,
            terms,
            message.published_at,
            message.stated_at or message.published_at,
            message.withdrawn,
        )
        if start >= self._newest.get(series, start):
            self._newest[series] = start
        if not isinstance(message, Price):
            return
        self.last[message.symbol] = message
        if message.replayed_from and (self.anchor is None or start >= self.anchor.delivery_start):
            self.anchor = Anchor(message.source, message.symbol, message.replayed_from, start)

    def note_refused(self, row: Refused) -> None:
        """Take in a row that was dead-lettered."""
        self._refused.add((row.source, row.symbol, digest(row.raw)))

    def _numbered(self, terms: tuple[str, ...]) -> int:
        return self._terms.setdefault(terms, len(self._terms))


def _identity(message: Message) -> tuple[str, str, datetime, str]:
    return message.source, message.series, message.delivery_start, message.resolution
