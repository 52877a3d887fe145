"""What the model server takes and gives on `/predict`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

import msgspec

from workloads.kit.contracts.messages import PRICE_LIMIT, Name, Utc

MAX_INSTANCES: Final = 1000


class Instance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One prediction asked for. `features` has `kit.features.FEATURES`'s order and length; None asks for the
    naive last value (the symbol's window is not full). `price` is the last price, in the symbol's unit;
    `move` the half-width of a naive interval of `NOMINAL_LEVEL`, by its window's prices (`kit.naive`)."""

    symbol: Name
    price: Annotated[float, msgspec.Meta(ge=-PRICE_LIMIT, le=PRICE_LIMIT)]
    features: list[float] | None
    move: Annotated[float, msgspec.Meta(ge=0, le=2 * PRICE_LIMIT)] | None = None


class PredictBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Predictions for features that the caller computed: of `feature_set` (`kit.features.FeatureSpec`'s
    version), where it says so. A server of another set answers 409."""

    feature_set: str | None = None
    instances: Annotated[list[Instance], msgspec.Meta(min_length=1, max_length=MAX_INSTANCES)]


class PredictSymbol(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prediction of one symbol from the feature store, as of now or of `as_of`, which is within `EARLIEST`
    and `LATEST`."""

    symbol: Name
    as_of: Utc | None = None


class PredictDelivery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest forecast of a symbol's delivery day, a `DeliveryForecast`: as of now, or of those that were
    made by `as_of`, which is within `EARLIEST` and `LATEST`."""

    symbol: Name
    delivery: date
    as_of: Utc | None = None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction with its interval. `realised_coverage` is the share of the model's last
    `coverage_count` intervals that held the price that followed; None before the first."""

    symbol: str
    price: float
    predicted_return: float
    prediction: float
    lower: float
    upper: float
    nominal_level: float
    realised_coverage: float | None
    coverage_count: int
    model_name: str
    model_version: int
    model_alias: Literal["champion", "challenger", "naive"]
    skill: Literal["proven", "none"]
    skill_score: float | None
    event_time: Utc | None = None
    stale: bool = False
    """Whether it is from the last prices that were read, since the feature store does not answer."""


class Forecasts(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a `PredictBatch`, in its order."""

    predictions: list[Forecast]
