"""What the stream sends: prices as `/v1/prices` has them, predictions, forecasts of a delivery day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeAlias

import msgspec

from carbon_client.base import Answer, Instant
from carbon_client.errors import BadAnswer, CarbonError
from carbon_client.models import Price
from carbon_client.patience import Patience
from carbon_client.sse import Block


class StreamedPrediction(Answer, frozen=True, kw_only=True):
    """A prediction as it was made: that of `/v1/predictions`, whose outcome nobody knows yet."""

    symbol: str
    source: str
    market: str
    resolution: str
    provenance: Literal["market", "replay", "synthetic"]
    event_time: Instant
    price_published_at: Instant
    issued_at: Instant
    horizon_periods: int
    price: float
    prediction: float
    lower: float
    upper: float
    nominal_level: float
    model_name: str
    model_version: int
    model_alias: str
    skill: str
    skill_score: float | None


class ForecastPeriod(Answer, frozen=True, kw_only=True):
    """One period of a delivery day; `quantiles` are at the forecast's `levels`, `moved_by` is what moved the
    prediction, by group of inputs."""

    delivery_start: Instant
    delivery_end: Instant
    prediction: float
    lower: float
    upper: float
    baseline: float
    quantiles: list[float]
    moved_by: dict[str, float] = msgspec.field(default_factory=dict[str, float])


class DeliveryForecast(Answer, frozen=True, kw_only=True):
    """A forecast of each period of a delivery day of `time_zone`, made from what was known at `issued_at`."""

    source: str
    market: str
    symbol: str
    resolution: str
    currency: str
    unit: str
    provenance: Literal["market", "replay", "synthetic"]
    delivery_day: date
    time_zone: str
    issued_at: Instant
    available_time: Instant
    event_time: Instant
    price_available_time: Instant
    price: float
    kind: str
    model_name: str
    model_version: int
    model_alias: str
    skill: str
    skill_score: float | None
    nominal_level: float
    levels: list[float]
    missing: list[str]
    periods: list[ForecastPeriod]


Data: TypeAlias = Price | StreamedPrediction | DeliveryForecast

KINDS: Final[dict[str, type[Any]]] = {
    "price": Price,
    "prediction": StreamedPrediction,
    "forecast": DeliveryForecast,
}
"""Name of an event → what it holds."""


@dataclass(frozen=True, slots=True)
class Event:
    """What came.

    Attributes:
        id: give it as `last_event_id` to go on after this event, in another process or on another day.
        kind: price, prediction or forecast.
    """

    id: str
    kind: str
    data: Data


def event(block: Block) -> Event | None:
    """The event of a block; None of one that holds a place alone, or an event of a newer kind.

    Raises:
        BadAnswer: its data are not what they should be.
    """
    if not block.data or (kind := KINDS.get(block.event)) is None:
        return None
    try:
        return Event(block.id, block.event, msgspec.json.decode(block.data, type=kind))
    except msgspec.MsgspecError as error:
        raise BadAnswer(f"the stream's {block.event}: it is not what this release knows: {error}") from None


class Place:
    """Where a stream is, over all of its connections, and how long to wait for the next one."""

    def __init__(self, last_event_id: str | None, patience: Patience) -> None:
        self._last, self._patience = last_event_id, patience
        self._attempts, self._base = 0, 2.0

    def headers(self) -> dict[str, str]:
        """What says where to go on."""
        return {"Last-Event-ID": self._last} if self._last else {}

    def seen(self, block: Block) -> None:
        """It came whole."""
        self._attempts = 0
        self._last = block.id or self._last
        if block.retry is not None:
            self._base = block.retry / 1000

    def wait(self, error: CarbonError) -> float:
        """Seconds until the next connection, after this one ended.

        Raises:
            CarbonError: this error, where it will not pass or there were too many in a row.
        """
        self._attempts += 1
        wait = self._patience.wait_stream(self._attempts, error, self._base)
        if wait is None:
            raise error
        return wait
