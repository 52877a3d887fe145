"""Indicators as consumers read them, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from workloads.kit.codec import encode
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.messages import SYNTHETIC_PREFIX
from workloads.kit.records import Record

START = datetime(2026, 3, 1, tzinfo=UTC)


def indicator(hour: int, value: float, *, known: float | None = None, **changes: Any) -> Indicator:
    """The load of an hour after `START`, known so many hours after `START`: by default a forecast a day
    before, an actual when its hour is over."""
    start = START + timedelta(hours=hour)
    kind = changes.setdefault("kind", "forecast")
    zone = changes.setdefault("zone", "DE-LU")
    if known is None:
        known = hour - 24 if kind == "forecast" else hour + 1
    told: dict[str, Any] = {
        "source": "s",
        "name": "load",
        "delivery_start": start,
        "delivery_end": start + timedelta(hours=1),
        "resolution": "PT1H",
        "published_at": START + timedelta(hours=known),
        "value": value,
        "unit": "MW",
        "provenance": "synthetic" if zone.startswith(SYNTHETIC_PREFIX) else "market",
    }
    return Indicator(**(told | changes))


def record(offset: int, value: Indicator) -> Record[Indicator]:
    """Its message, in partition 0."""
    at = int(value.published_at.timestamp() * 1000)
    return Record(value.topic, 0, offset, value.message_key.encode(), value, encode(value), at)
