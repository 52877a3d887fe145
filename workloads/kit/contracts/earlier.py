"""Versions of messages that nobody writes any more and that are still read, each as what it means today."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import msgspec

from workloads.kit.contracts.messages import (
    EARLIEST,
    LATEST,
    PRICE_LIMIT,
    Currency,
    Name,
    Price,
    Provenance,
    Unit,
    Utc,
    out_of_range,
)


class PriceV1(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema_version", tag=1):
    """`Price` as it was written before delivery periods: one price a session, known after its event.

    Nobody writes it; it is read as the `Price` that it means, a spot price of the day from `event_time`.
    """

    source: Name
    market: Name
    symbol: Name
    event_time: Utc
    available_time: Utc
    price: Annotated[float, msgspec.Meta(ge=-PRICE_LIMIT, le=PRICE_LIMIT)]
    currency: Currency
    unit: Unit
    provenance: Provenance
    correction: bool = False
    replayed_from: Utc | None = None

    def __post_init__(self) -> None:
        if not EARLIEST <= self.event_time < LATEST:
            raise out_of_range("event_time", self.event_time)
        if not EARLIEST <= self.available_time < LATEST:
            raise out_of_range("available_time", self.available_time)
        self.upgraded()

    def upgraded(self) -> Price:
        """The same price in today's terms; ValueError where its parts contradict each other."""
        return Price(
            source=self.source,
            market=self.market,
            symbol=self.symbol,
            product="spot",
            delivery_start=self.event_time,
            delivery_end=self.event_time + timedelta(days=1),
            resolution="P1D",
            published_at=self.available_time,
            price=self.price,
            currency=self.currency,
            unit=self.unit,
            provenance=self.provenance,
            correction=self.correction,
            replayed_from=self.replayed_from,
        )


EARLIER: Final[Mapping[type[msgspec.Struct], type[PriceV1]]] = {Price: PriceV1}
"""Message -> its version of before, which is still read; `upgraded` gives today's."""
