"""Indicators: what moves prices, forecast and measured, of a zone and a delivery period."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import (
    END,
    PRICE_LIMIT,
    SYNTHETIC_PREFIX,
    Delivered,
    Name,
    Price,
    Unit,
)

IndicatorKind = Literal["forecast", "actual"]
"""Whether it was said beforehand or measured."""

INDICATOR_PATTERN: Final = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"

IndicatorName = Annotated[str, msgspec.Meta(max_length=64, pattern=INDICATOR_PATTERN.replace("$", END))]
"""What is forecast or measured: `load`, `residual-load`, `wind`, `wind-solar`, `solar`, `temperature`, `gas`,
`carbon`. In small letters, so that each has one spelling; a pattern and no list, since a topic that is kept
for ever could not take one more name without a new version of its messages."""

_FORECAST_LEAD: Final = timedelta(days=366 * 30)
"""How long before its delivery a forecast may be known: outlooks reach as far as forwards do."""


class Indicator(Delivered, frozen=True, kw_only=True, tag=1):
    """One value of an indicator of a market or bidding zone, on `market-indicators`; the message key is
    `zone/name`, so that what was forecast and what was measured are in one partition, in order.

    A `forecast` is first published before its delivery is over (a correction of it may be seen later), an
    `actual` not before its delivery begins. (source, zone, name, kind, delivery_start, resolution) is its
    identity; of its period and its revisions `Delivered` speaks.
    """

    topic: ClassVar[str] = topics.MARKET_INDICATORS

    zone: Name
    name: IndicatorName
    kind: IndicatorKind
    value: Annotated[float, msgspec.Meta(ge=-PRICE_LIMIT, le=PRICE_LIMIT)]
    unit: Unit

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.zone.startswith(SYNTHETIC_PREFIX) != (self.provenance == "synthetic"):
            raise ValueError(
                f"zone {self.zone}: zones of synthetic indicators, and no others, start with"
                f" {SYNTHETIC_PREFIX}"
            )
        if self.kind == "forecast" and not self.correction and self.published_at >= self.delivery_end:
            raise ValueError(
                f"published_at {self.published_at.isoformat()} is not before the end of the delivery,"
                f" {self.delivery_end.isoformat()}: what is known by then is no forecast"
            )

    def _lead(self) -> tuple[str, timedelta]:
        return f"an indicator of kind {self.kind}", _FORECAST_LEAD if self.kind == "forecast" else timedelta(
            0
        )

    @property
    def message_key(self) -> str:
        """As that of a price."""
        return f"{self.zone}/{self.name}"

    @property
    def series(self) -> str:
        """As that of a price."""
        return indicator_series(self.zone, self.name, self.kind)

    @property
    def amount(self) -> float:
        """As that of a price."""
        return self.value

    @property
    def terms(self) -> tuple[str, ...]:
        """As those of a price."""
        return (self.unit,)


def indicator_series(zone: str, name: str, kind: str) -> str:
    """The series of an indicator among those of its source; no part of it can hold the slash."""
    return f"{zone}/{name}/{kind}"


Message = Price | Indicator
"""What has a delivery period."""
