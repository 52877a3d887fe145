"""What of a market is published as one: its prices, or one kind of forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from workloads.kit.contracts.indicators import Indicator, Message, indicator_series
from workloads.kit.contracts.market import Forecast, Market
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.row_config import Publication
from workloads.kit.periods import Resolution
from workloads.market_connectors.points import at, local_day
from workloads.price_pipeline.rows import Terms

FORECASTS: Final[Mapping[Forecast, tuple[str, ...]]] = {
    "load": ("load",),
    "wind-solar": ("solar", "wind-onshore", "wind-offshore"),
}
"""Kind of forecast → names of the indicators that it may have."""

_AT_SEA: Final = "wind-offshore"
"""What a zone at no sea has none of."""

FORECAST_TIMES: Final[Mapping[Forecast, time]] = {"load": time(10), "wind-solar": time(18)}
"""Local times of the day before by which the regulation (EU) 543/2013, articles 6 and 14, wants them
published: two hours before the gate closes at noon, and six in the evening."""

GRACE: Final = timedelta(hours=3)
"""How late after its publication a day may be before its absence fails a run."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Args:
    of: `prices`, or the kind of forecast.
    """

    market: Market
    of: Literal["prices"] | Forecast = "prices"

    @property
    def name(self) -> str:
        """As the run's record and the log show it."""
        return self.market.name if self.of == "prices" else f"{self.market.name}/{self.of}"

    @property
    def message(self) -> type[Message]:
        """What its numbers become."""
        return Price if self.of == "prices" else Indicator

    @property
    def names(self) -> tuple[str, ...]:
        """What its points may be `of`."""
        return (self.market.symbol,) if self.of == "prices" else FORECASTS[self.of]

    @property
    def required(self) -> tuple[str, ...]:
        """What each of its days has points of."""
        return tuple(name for name in self.names if name != _AT_SEA)

    @property
    def series(self) -> tuple[str, ...]:
        """What it may publish, as the ledger names it."""
        return tuple(map(self.series_of, self.names))

    def series_of(self, name: str) -> str:
        """The series of a point of this name."""
        return name if self.of == "prices" else indicator_series(self.market.name, name, "forecast")

    @property
    def publication(self) -> time | None:
        """Local time of `publication_day` at which a day is known; None: each period by itself."""
        return self.market.publication if self.of == "prices" else FORECAST_TIMES[self.of]

    @property
    def publication_day(self) -> int:
        """Counted from the day of delivery."""
        return self.market.publication_day if self.of == "prices" else -1

    def last_day(self, now: datetime, *, late: timedelta = timedelta(0)) -> date:
        """The last local day of which something is published by now.

        Args:
            late: how much later than it should a publication may be.
        """
        zone = self.market.time_zone
        today = local_day(now, zone)
        if self.publication is None:
            return today
        known = at(today, self.publication, zone) + late
        return today - timedelta(days=self.publication_day if now >= known else self.publication_day + 1)

    def terms(self, resolution: Resolution, workload: str) -> Terms:
        """What holds for each of its numbers of this length of period."""
        market = self.market
        known = (
            None if self.publication is None else Publication(day=self.publication_day, at=self.publication)
        )
        terms = Terms(
            source=market.source,
            market=market.name,
            currency=market.currency,
            unit=market.unit,
            provenance="market",
            product=market.product,
            resolution=resolution,
            zone=market.time_zone,
            publication=known,
            workload=workload,
        )
        return terms if self.of == "prices" else replace(terms, kind="forecast", unit="MW")


def feeds(market: Market) -> list[Feed]:
    """All that is published of a market."""
    return [Feed(market), *(Feed(market, kind) for kind in market.forecasts)]
