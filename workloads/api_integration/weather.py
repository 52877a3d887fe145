"""Temperature forecasts of all zones as rows, from the provider's answer for their points."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from workloads.kit.contracts.zones import WEATHER_POINTS

ROUTE: Final = ("weather", "temperature")
_HOUR: Final = timedelta(hours=1)


class _Hourly(msgspec.Struct):
    time: list[str]
    temperature_2m: list[float | None]


class _Place(msgspec.Struct):
    hourly: _Hourly


class Row(msgspec.Struct, kw_only=True):
    """A forecast of an hour, in degrees Celsius. `published_at` is when it was received from the provider,
    which does not tell when it made it."""

    zone: str
    start: datetime
    temperature: float
    published_at: datetime


_decode: Final = msgspec.json.Decoder(list[_Place]).decode


def rows(body: bytes, received: datetime) -> list[Row]:
    """The forecasts of what was not over when they came, a row a zone and hour; hours without a value are
    left out.

    Raises:
        ValueError: the answer is not what was asked for.
    """
    try:
        places = _decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(f"weather: no forecasts of points: {error}") from error
    if len(places) != len(WEATHER_POINTS):
        raise ValueError(f"weather: {len(places)} places where {len(WEATHER_POINTS)} were asked for")
    return [
        Row(zone=zone, start=start, temperature=value, published_at=received)
        for zone, place in zip(WEATHER_POINTS, places, strict=True)
        for start, value in ((_utc(time), value) for time, value in _pairs(place.hourly))
        if start + _HOUR > received
    ]


def _pairs(hourly: _Hourly) -> list[tuple[str, float]]:
    if len(hourly.time) != len(hourly.temperature_2m):
        raise ValueError(f"weather: {len(hourly.time)} times of {len(hourly.temperature_2m)} temperatures")
    pairs = zip(hourly.time, hourly.temperature_2m, strict=True)
    return [(time, value) for time, value in pairs if value is not None]


def _utc(text: str) -> datetime:
    # As the provider writes them, without seconds and in the zone that was asked for.
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"weather: {text[:40]!r} is no time") from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
