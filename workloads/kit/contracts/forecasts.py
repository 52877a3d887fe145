"""Forecasts of all periods of a delivery day, on `ml-predictions` beside those of the next session."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Currency, Name, Provenance, Resolution, Unit, Utc

LEVELS: Final = tuple(level / 20 for level in range(1, 20))
"""Levels of the quantiles that a forecast carries: 5 % to 95 % by 5 %."""

NOMINAL_LEVEL: Final = 0.9
"""Of the interval, whose ends are the first and the last of them."""


class ForecastPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery period [`delivery_start`, `delivery_end`) in UTC, in the forecast's `currency` per `unit`.

    `prediction` is expected to be exceeded as often as not; `lower` and `upper` are the first and the last of
    `quantiles`, at `DeliveryForecast.levels`, or the prediction where that lies beyond them. `baseline` is
    the seasonal naive forecast, which skill is measured against: the price of the period a day before, on
    Monday, Saturday and Sunday a week before. `moved_by` is what moved the prediction from that of a usual
    day of its weekday, by group of inputs, in the prediction's terms; earlier messages do not say.
    """

    delivery_start: Utc
    delivery_end: Utc
    prediction: float
    lower: float
    upper: float
    baseline: float
    quantiles: list[float]
    moved_by: dict[str, float] = {}


class DeliveryForecast(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast of every period of one delivery day, version 2 on `ml-predictions`; the key is `symbol`.

    (source, symbol, resolution, delivery_day, issued_at) is its identity; one forecast of an identity counts,
    and is the same however often it is read. It knows what was published by `issued_at` and nothing later;
    `available_time` is when it was made, and only prices published after that are its outcomes.
    `event_time`, `price_available_time` and `price` are of the newest period whose price it knew.
    `delivery_day` is a day of `time_zone`, of 23 to 25 hours. `missing` names what it should have known and
    did not: it was then made by a model that does without. `skill` and `skill_score` are as in `Prediction`,
    against the baseline.
    """

    topic: ClassVar[str] = topics.ML_PREDICTIONS

    schema_version: Literal[2] = 2
    source: Name
    market: Name
    symbol: Name
    resolution: Resolution
    currency: Currency
    unit: Unit
    provenance: Provenance
    delivery_day: date
    time_zone: str
    issued_at: Utc
    available_time: Utc
    event_time: Utc
    price_available_time: Utc
    price: float
    kind: str
    model_name: str
    model_version: int
    model_alias: Literal["champion", "challenger"]
    skill: Literal["proven", "none"]
    skill_score: float | None
    nominal_level: float = NOMINAL_LEVEL
    levels: list[float]
    missing: list[str]
    periods: Annotated[list[ForecastPeriod], msgspec.Meta(min_length=1)]

    @property
    def message_key(self) -> str:
        """The key that the message must have."""
        return self.symbol
