"""One price published by hand, checked and recorded like every other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from workloads.kit.contracts.declared.price_pipeline import INJECT_ID
from workloads.kit.contracts.messages import SYNTHETIC_PREFIX, Price, Product, Provenance
from workloads.kit.periods import Resolution
from workloads.kit.producer import TransactionalProducer
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.publish import commit
from workloads.price_pipeline.rows import RawRow, Terms
from workloads.price_pipeline.settle import settle
from workloads.price_pipeline.sources import table


class BadPrice(Exception):
    """What was given is no price that can be published."""


@dataclass(frozen=True, slots=True)
class Given:
    """A price as it was given; what is None is as the symbol's last price has it. `time_zone` is of an event
    time without one."""

    source: str
    symbol: str
    price: str
    event_time: str | None
    market: str | None
    currency: str | None
    unit: str | None
    product: Product | None = None
    resolution: str | None = None
    time_zone: str = "UTC"

    @property
    def provenance(self) -> Provenance:
        """What the symbol's name says of the price."""
        return "synthetic" if self.symbol.startswith(SYNTHETIC_PREFIX) else "market"


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
        message = settle(price, ledger, now, stated=False, as_dated=False)
        if message is None:
            if (held := ledger.held(price)) is not None and held.withdrawn is not None:
                raise BadPrice(
                    f"price {given.price} of {given.symbol} was taken back by hand: `withdraw --undo`"
                    " publishes it again"
                )
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
    try:
        terms = Terms(
            given.source,
            market,
            currency,
            unit,
            given.provenance,
            product=given.product or (last.product if last else "spot"),
            resolution=Resolution.parse(given.resolution or (last.resolution if last else "P1D")),
            zone=ZoneInfo(given.time_zone),
            publication_lag=timedelta(0),
        )
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise BadPrice(str(error)) from error
    fields = {"symbol": given.symbol, "event_time": given.event_time, "price": given.price}
    row = RawRow(terms, table.as_json(fields), given.symbol, given.event_time or now, given.price)
    price = check(row)
    if not isinstance(price, Price):
        raise BadPrice(
            f"price {given.price!r} of {given.symbol}: {getattr(price, 'reason', 'there is no price')}"
        )
    try:
        # Known from now on, whenever its delivery is; one to come is an auction's, which its product says.
        return msgspec.convert(msgspec.to_builtins(price) | {"published_at": now}, Price)
    except msgspec.ValidationError as error:
        raise BadPrice(
            f"delivery is in the future: {error}; --product says of what kind the price is"
        ) from error
