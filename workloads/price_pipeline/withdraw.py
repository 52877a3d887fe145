"""Published prices taken back by hand, by symbol and range, with a record of who did it: the source is wrong.

What was taken back stays so while the source goes on to say it; another price of the period from the source
is a correction. `undo` publishes what was taken back again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from workloads.kit.codec import decoder, encode
from workloads.kit.contracts.declared.price_pipeline import LETTERS_ID
from workloads.kit.contracts.messages import AuditEvent, Price
from workloads.kit.contracts.topics import COMMODITY_PRICES, PLATFORM_AUDIT
from workloads.kit.log_reader import read_committed_to_end
from workloads.kit.producer import TransactionalProducer
from workloads.kit.records import Output
from workloads.kit.settings import KafkaSettings

ACTION: Final = "withdraw"
UNDO: Final = "withdraw-undo"
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Range:
    """Prices of one symbol of one source, whose delivery starts from `since` up to `until`, both included."""

    source: str
    symbol: str
    since: datetime
    until: datetime

    def holds(self, price: Price) -> bool:
        return (price.source, price.symbol) == (
            self.source,
            self.symbol,
        ) and self.since <= price.delivery_start <= self.until

    def __str__(self) -> str:
        return f"{self.symbol} of {self.source} from {self.since.isoformat()} to {self.until.isoformat()}"


class NothingPublished(Exception):
    """There is no such series."""


def find(settings: KafkaSettings, meant: Range, *, undo: bool = False) -> list[Price]:
    """What holds in the range, or with `undo` what the platform took back there, by delivery start.

    Raises:
        NothingPublished: of this source and symbol, at any time.
        KafkaUnavailable: the brokers do not answer.
    """
    newest: dict[tuple[datetime, str], Price] = {}
    known = False
    for record in read_committed_to_end(settings, COMMODITY_PRICES, decoder(Price)):
        price = record.value
        known = known or (price.source, price.symbol) == (meant.source, meant.symbol)
        if meant.holds(price):
            identity = price.delivery_start, price.resolution
            if (before := newest.get(identity)) is None or price.published_at >= before.published_at:
                newest[identity] = price
    if not known:
        raise NothingPublished(f"source {meant.source} has published no price of symbol {meant.symbol}")
    wanted = "platform" if undo else None
    return [newest[identity] for identity in sorted(newest) if newest[identity].withdrawn == wanted]


def send(
    settings: KafkaSettings, meant: Range, who: str, reason: str, now: datetime, *, undo: bool = False
) -> int:
    """Take back what holds in the range, or with `undo` publish again what was, and record it: all of it, or
    nothing. Gives how many prices that was; none is no record either.

    Raises:
        NothingPublished: as `find`.
        Aborted, ProducerLost, KafkaUnavailable: Kafka; nothing was sent.
    """
    with TransactionalProducer(settings, LETTERS_ID) as producer:
        found = find(settings, meant, undo=undo)
        if not found:
            return 0
        event = AuditEvent(
            at=now,
            actor=who,
            action=UNDO if undo else ACTION,
            subject=f"{COMMODITY_PRICES} {meant}",
            reason=reason,
            detail={"prices": len(found)},
        )
        with producer.transaction() as transaction:
            for price in found:
                message = _revised(price, now, undo=undo)
                transaction.send(Output(COMMODITY_PRICES, message.message_key, encode(message)))
            transaction.send(Output(PLATFORM_AUDIT, meant.symbol, encode(event)))
    return len(found)


def _revised(price: Price, now: datetime, *, undo: bool) -> Price:
    return msgspec.structs.replace(
        price,
        # Never before what it revises, whatever the clock says.
        published_at=max(now, price.published_at + _MICROSECOND),
        stated_at=price.stated_at or price.published_at,
        correction=True,
        withdrawn=None if undo else "platform",
    )


def summary(price: Price) -> dict[str, Any]:
    """A price that is meant, as JSON values."""
    return {
        "delivery_start": price.delivery_start.isoformat(),
        "resolution": price.resolution,
        "published_at": price.published_at.isoformat(),
        "price": price.price,
        "of": f"{price.currency}/{price.unit}",
    }
