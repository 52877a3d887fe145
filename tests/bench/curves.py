"""Forward curves: five years by the hour from overlapping quotes, beside the same made smooth by the hour."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from tests.bench.measure import in_turn, sample
from tests.bench.report import Figure, Other, at_most
from tests.bench.rig import Rig
from tools.console import Step
from workloads.kit.curves import consistency
from workloads.kit.curves.build import Curve, build
from workloads.kit.curves.grid import Grid
from workloads.kit.curves.quotes import Product, Profile, Quote
from workloads.kit.curves.shape import Shape
from workloads.kit.curves.smooth import Means, smoothest
from workloads.kit.markets import peak

_ZONE: Final = ZoneInfo("Europe/Berlin")
_PEAK: Final = peak("power")
_FIRST: Final = 2027


def run(rig: Rig, step: Step) -> list[Figure]:
    years = rig.sized(5, 1)
    quotes, shape = _quotes(years), _shape()

    def by_the_hour() -> tuple[float, float]:
        started = time.process_time()
        grid = Grid.of(date(_FIRST, 1, 1), date(_FIRST + years, 1, 1), _ZONE, _PEAK)
        bases = [one for one in quotes if one.profile == "base"]
        hours = np.array([grid.within(*one.days, "base") for one in bases], dtype=np.float64)
        prices = np.array([one.price for one in bases], dtype=np.float64)
        # The years follow from their quarters, and equations have to be independent.
        chosen = consistency.binding(bases, grid)
        rows, prices = (hours / hours.sum(axis=1, keepdims=True))[chosen], prices[chosen]
        levels = smoothest(len(grid.starts), Means(rows, prices, prices)).ravel()
        return time.process_time() - started, float(np.abs(rows @ levels - prices).max())

    def ours() -> tuple[float, float]:
        started = time.process_time()
        curve = build(quotes, _ZONE, _PEAK, shape)
        spent = time.process_time() - started
        return spent, _off(curve, quotes)

    found = in_turn({"ours": ours, "hours": by_the_hour}, rig.sized(5, 1), step, warm_ups=1)
    seconds = sample(found["ours"], lambda one: one[0])
    off = sample(found["ours"], lambda one: one[1])
    hours = sample(found["hours"], lambda one: one[0])
    return [
        Figure(
            name=f"{years} years by the hour from {len(quotes)} quotes",
            unit="s of one core",
            ours=seconds,
            others=[Other("smooth by the hour, base quotes alone", "peer", hours)],
            aims=[at_most(seconds, 1.0)],
            note="levels are smooth by the day; the hours of a day have their shape",
        ),
        Figure(
            name="a product's mean beside its quote, at most",
            unit="price",
            ours=off,
            others=[
                Other(
                    "smooth by the hour, base quotes alone",
                    "peer",
                    sample(found["hours"], lambda one: one[1]),
                )
            ],
            aims=[at_most(off, 1e-3)],
        ),
    ]


def _off(curve: Curve, quotes: Sequence[Quote]) -> float:
    return max(abs(curve.mean(one) - (one.price or 0.0)) for one in quotes)


def _quotes(years: int) -> list[Quote]:
    """Base and peak of months, quarters and years that overlap, of one hidden curve: none contradicts."""
    grid = Grid.of(date(_FIRST, 1, 1), date(_FIRST + years, 1, 1), _ZONE, _PEAK)
    ordinal = np.arange(grid.days)[grid.day]
    hidden = Curve("", grid, 70 + 20 * np.cos(2 * np.pi * ordinal / 365) - ordinal / 200 + 12.0 * grid.peak)
    profiles: tuple[Profile, ...] = ("base", "peak")
    periods = [f"{_FIRST}-{month:02}" for month in range(1, 13)]
    periods += [f"{_FIRST}-W{week:02}" for week in range(2, 8)]
    periods += [
        f"{year}-Q{quarter}" for year in range(_FIRST, _FIRST + years)[:2] for quarter in (1, 2, 3, 4)
    ]
    periods += [f"{year}" for year in range(_FIRST, _FIRST + years)]
    products = [Product(period=period, profile=profile) for period in periods for profile in profiles]
    return [Quote(period=one.period, profile=one.profile, price=hidden.mean(one)) for one in products]


def _shape() -> Shape:
    hour = 10 * np.sin(np.arange(24) * np.pi / 12)
    return Shape(np.array([1.0, 0, 8, 0]), np.array([1, 1, 1, 1, 1, -2, -3.0]), np.tile(hour, (4, 3, 1)))
