"""Messages as a client sees them: an event's name, and its data as the routes of the same name give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from workloads.data_api import predictions, prices
from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.forecasts import DeliveryForecast
from workloads.kit.contracts.messages import Prediction, Price

Kind = Literal["price", "prediction"]

Event = Price | Prediction | DeliveryForecast

_RENAMED: Final = {
    "price_published_at": "price_available_time",
    "issued_at": "available_time",
    "horizon_periods": "horizon_sessions",
}
_PRICE: Final = tuple(prices.Price.model_fields)
_PREDICTION: Final = tuple(
    (name, _RENAMED.get(name, name))
    for name in predictions.Prediction.model_fields
    if name not in ("outcome", "period_start", "moved_by")
)

_FORECAST: Final = tuple(name for name in DeliveryForecast.__struct_fields__ if name != "schema_version")

KINDS: Final[Mapping[str, Kind]] = {topics.COMMODITY_PRICES: "price", topics.ML_PREDICTIONS: "prediction"}
"""topic → name of its events."""

_next_session = decoder(Prediction)
_whole_day = decoder(DeliveryForecast)


def _predicted(raw: bytes) -> Prediction | DeliveryForecast:
    """The two kinds of messages on one topic are told apart by their version, which each decoder checks."""
    try:
        return _next_session(raw)
    except msgspec.DecodeError:
        return _whole_day(raw)


DECODERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    topics.COMMODITY_PRICES: decoder(Price),
    topics.ML_PREDICTIONS: _predicted,
}


def moment(value: Event) -> datetime:
    """The instant that a tenant's depth of history is about."""
    return value.delivery_start if isinstance(value, Price) else value.event_time


def block(value: Event) -> bytes:
    """The event of a message, but for its id: it ends with an empty line."""
    if isinstance(value, Price):
        kind, told = "price", {name: getattr(value, name) for name in _PRICE}
    elif isinstance(value, DeliveryForecast):
        kind, told = "forecast", {name: getattr(value, name) for name in _FORECAST}
    else:
        kind, told = "prediction", {name: getattr(value, field) for name, field in _PREDICTION}
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(told))
