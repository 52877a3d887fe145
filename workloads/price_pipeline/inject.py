"""One price published by hand, checked and recorded like every other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workloads.kit.contracts.declared.price_pipeline import INJECT_ID
from workloads.kit.contracts.messages import Price
from workloads.kit.producer import TransactionalProducer
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline.config import SYNTHETIC_PREFIX
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.publish import commit, settle
from workloads.price_pipeline.rows import RawRow, Terms, check
from workloads.price_pipeline.sources import table


class BadPrice(Exception):
    """What was given is no price that can be published."""


@dataclass(frozen=True, slots=True)
class Given:
    """A price as it was given; market, currency and unit default to those of the symbol's last price."""

    source: str
    symbol: str
    price: str
    event_time: str | None
    market: str | None
    currency: str | None
    unit: str | None


def inject(
    settings: KafkaSettings, given: Given, now: datetime
) -> tuple[Literal["published", "corrected", "known"], Price]:
    """Publish the price unless the topic has it; says which, with the price.

    Raises:
        BadPrice: names the value and what to give instead.
        Transient, ProducerLost, KafkaUnavailable: the brokers are away, or another injection took over.
    """
    with TransactionalProducer(settings, INJECT_ID) as producer:
        ledger = Ledger.read(settings)
        price = _price(given, ledger, now)
        message = settle(price, ledger, now, as_dated=False)
        if message is None:
            return "known", price
        commit(producer, [message])
    return ("corrected" if message.correction else "published"), message


def _price(given: Given, ledger: Ledger, now: datetime) -> Price:
    last = ledger.last.get(given.symbol)
    market = given.market or (last.market if last else None)
    currency = given.currency or (last.currency if last else None)
    unit = given.unit or (last.unit if last else None)
    if not (market and currency and unit):
        raise BadPrice(f"symbol {given.symbol} has no price yet: give --market, --currency and --unit")
    provenance = "synthetic" if given.symbol.startswith(SYNTHETIC_PREFIX) else "market"
    terms = Terms(given.source, market, currency, unit, provenance)
    fields = {"symbol": given.symbol, "event_time": given.event_time, "price": given.price}
    row = RawRow(terms, table.as_json(fields), given.symbol, given.event_time or now, given.price)
    price = check(row)
    if not isinstance(price, Price):
        raise BadPrice(
            f"price {given.price!r} of {given.symbol}: {getattr(price, 'reason', 'there is no price')}"
        )
    if price.event_time > now:
        raise BadPrice(
            f"event time {price.event_time.isoformat()} is in the future: prices of the past can be known"
        )
    return price
