"""Messages as a client sees them: an event's name, and its data as the routes of the same name give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from workloads.data_api import predictions, prices
from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Prediction, Price

Kind = Literal["price", "prediction"]

_RENAMED: Final = {
    "price_published_at": "price_available_time",
    "issued_at": "available_time",
    "horizon_periods": "horizon_sessions",
}
_PRICE: Final = tuple(prices.Price.model_fields)
_PREDICTION: Final = tuple(
    (name, _RENAMED.get(name, name)) for name in predictions.Prediction.model_fields if name != "outcome"
)

KINDS: Final[Mapping[str, Kind]] = {topics.COMMODITY_PRICES: "price", topics.ML_PREDICTIONS: "prediction"}
"""topic → name of its events."""

DECODERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    topics.COMMODITY_PRICES: decoder(Price),
    topics.ML_PREDICTIONS: decoder(Prediction),
}


def block(value: Price | Prediction) -> bytes:
    """The event of a message, but for its id: it ends with an empty line."""
    if isinstance(value, Price):
        kind, told = "price", {name: getattr(value, name) for name in _PRICE}
    else:
        kind, told = "prediction", {name: getattr(value, field) for name, field in _PREDICTION}
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(told))
