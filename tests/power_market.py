"""A power market that is made up, and shaped like one: prices follow a residual load.

Its days are local ones of 23 to 25 hours; some of its prices are below zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.messages import Price
from workloads.kit.periods import Resolution, day

ZONE = "Europe/Berlin"
SYMBOL = ZONE_OF_INDICATORS = "SYN-DA"
SOURCE = "made-up"
NAMES = ("load", "wind-solar")


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


def local(of: date, at: str) -> datetime:
    return datetime.combine(of, time.fromisoformat(at), ZoneInfo(ZONE))


def periods(of: date, resolution: str = "PT1H") -> tuple[tuple[datetime, datetime], ...]:
    return day(of, Resolution.parse(resolution), ZoneInfo(ZONE))


def market(
    of: Sequence[date], resolution: str = "PT1H", seed: int = 1
) -> Iterator[tuple[date, list[Price], list[Indicator]]]:
    """By day its prices, known at 12:45 on the day before, and the forecasts of 09:00, which explain most of
    them. A day is the same whatever days are asked for."""
    for one in of:
        draw = np.random.default_rng([seed, one.toordinal()])
        size, wind = draw.normal(0, 2), draw.gamma(2, 6)
        prices: list[Price] = []
        indicators: list[Indicator] = []
        for start, end in periods(one, resolution):
            hour = start.astimezone(ZoneInfo(ZONE)).hour + start.minute / 60
            load = 55 + 12 * np.sin((hour - 8) / 24 * 2 * np.pi) - 6 * (one.weekday() >= 5) + size
            price = 0.9 * load - 1.6 * wind + draw.normal(0, 2.0)
            told: dict[str, Any] = {
                "source": SOURCE,
                "delivery_start": start,
                "delivery_end": end,
                "resolution": resolution,
                "provenance": "synthetic",
            }
            known = local(one - timedelta(days=1), "12:45")
            prices.append(
                Price(
                    **told, market="power", symbol=SYMBOL, product="day-ahead", published_at=known,
                    price=float(price), currency="EUR", unit="MWh",
                )
            )  # fmt: skip
            said = local(one - timedelta(days=1), "09:00")
            indicators += [
                Indicator(
                    **told, zone=ZONE_OF_INDICATORS, name=name, kind="forecast", published_at=said,
                    value=float(value), unit="GW",
                )
                for name, value in zip(NAMES, (load, wind), strict=True)
            ]  # fmt: skip
        yield one, prices, indicators
