"""A forecast of one delivery day: its kinds calibrated on what is known, weighed by what they were worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

import numpy as np

from workloads.kit.contracts.instruments import ForecastKind
from workloads.kit.power.days import Days
from workloads.kit.windows import Floats
from workloads.model_training import day_ahead
from workloads.model_training.kinds import Kind, TooShort, intervals
from workloads.model_training.kinds.drivers import drivers
from workloads.model_training.kinds.inputs import Inputs
from workloads.model_training.kinds.naive import Naive
from workloads.model_training.promotion import Losses
from workloads.model_training.runs.known import Known, NotForecast

VERSION: Final = 4
"""Of the kinds' committed settings: raised whenever they change what is forecast."""

FEWEST_DAYS: Final = 4 * (intervals.FEWEST + 1)
"""Days of prices below which there is no forecast: a quarter is walked, and an interval needs so many."""

LEAST_PRICE: Final = 1e-100
"""Mean absolute price below which there is no forecast: squares of less are 0, and teach nothing."""

WALKED: Final = intervals.WINDOW + intervals.FEWEST
"""Days before, each forecast by what was known then, that weights and intervals are learned from, at most."""


@dataclass(frozen=True, slots=True)
class Made:
    """`prediction` and `baseline` (H,), `quantiles` (Q, H) at `LEVELS`. `members` is by day what each kind
    forecast, (M, H): of days that were not `stored` yet. `losses` are of the days walked, oldest first.
    `drivers` tells by group of inputs what moved the prediction, (H,)."""

    prediction: Floats
    quantiles: Floats
    baseline: Floats
    members: dict[date, Floats]
    losses: Losses
    drivers: Callable[[], dict[str, Floats]]


def kinds_of(kind: ForecastKind) -> tuple[Kind, ...]:
    """What a kind is made of; all of them go the same way from there."""
    everyone = {one.name: one for one in (*day_ahead.members(), *day_ahead.beside())}
    match kind:
        case "ensemble":
            return day_ahead.members()
        case "lear":
            return tuple(one for name, one in everyone.items() if name.startswith("lear-"))
        case _:
            return (everyone[kind],)


def beside_prices(indicators: Sequence[str], zone: str) -> str:
    """Names the inputs of a forecast that are no prices, each after a comma."""
    return "".join(f", {name} of {zone}" for name in indicators)


def inputs(kind: ForecastKind, indicators: Sequence[str], zone: str, time_zone: str) -> str:
    """Names what a kind's forecasts are made from: those of other inputs, or of another zone's days, teach
    nothing about these."""
    return f"v{VERSION} {kind}: prices in {time_zone}{beside_prices(indicators, zone)}"


def make(known: Known, kind: ForecastKind, stored: Mapping[date, Floats]) -> Made:
    """Calibrate, forecast, weigh. The same for the same `known` and `stored`.

    After a hole of weeks in the prices, days are walked from where there is enough to learn from again.

    Args:
        stored: by day what each kind forecast for it when it was the next; what is not there is walked now.

    Raises:
        NotForecast: the history is too short, or its prices are next to nothing. That is said before days are
            walked, which takes minutes: it is tried again until the day is over.
    """
    days = known.days
    count = len(days) - 1
    priced = int(np.isfinite(days.prices[:-1]).all(axis=1).sum())
    if priced < FEWEST_DAYS:
        raise NotForecast(f"{priced} complete days of prices, {FEWEST_DAYS} are needed: load more history")
    size = float(np.nanmean(np.abs(days.prices[:-1])))
    if 0 < size < LEAST_PRICE:
        raise NotForecast(f"prices of {size:.0e} on average are next to nothing: see the source's unit")
    kinds = kinds_of(kind)
    dates: list[date] = days.dates.tolist()
    shape = (len(kinds), days.periods)
    have = [dates[row] in stored and stored[dates[row]].shape == shape for row in range(count)]
    first = min(day_ahead.warm_up(count), _reaching_back(have))
    first = _after_a_hole(days, kinds, [row for row in range(first, count) if not have[row]]) or first
    naive = np.stack([Naive().predict(days.known_for(row)) for row in range(first, count + 1)])
    if count - first < intervals.FEWEST or not np.isfinite(naive[-1]).all():
        raise NotForecast("prices of too many days of late are missing: load what lacks of history")
    try:
        models = [one.fit(days.before(count)) for one in kinds]
        made = _walked(days, kinds, [row for row in range(first, count) if not have[row]])
    except TooShort as error:
        raise NotForecast(f"{error}: load more history") from error
    made[count] = np.stack([one.predict(days.known_for(count)) for one in models])
    forecasts = np.stack(
        [made[row] if row in made else stored[dates[row]] for row in range(first, count + 1)]
    )
    idle = np.zeros(len(kinds))
    whole = day_ahead.Walk(first, tuple(one.name for one in kinds), forecasts, idle, idle)
    together = day_ahead.combine(whole, days)
    found = together.forecasts[-1], together.quantiles[-1], naive[-1]
    if not all(np.isfinite(one).all() for one in found):
        raise NotForecast(
            "prices or their forecasts of too many days are missing: load what lacks of history"
        )
    prices = days.prices[first:count]
    weights = together.weights[-1]

    def weighed(some: Days) -> Floats:
        return weights @ np.stack([one.predict(some) for one in models])

    return Made(
        *found,
        members={dates[row]: one for row, one in sorted(made.items())},
        losses=Losses(_daily(together.forecasts[:-1], prices), _daily(naive[:-1], prices)),
        drivers=partial(drivers, weighed, days.known_for(count), known.indicators),
    )


def _reaching_back(have: Sequence[bool]) -> int:
    """The first row from which on all are there, as far back as counts."""
    first = len(have)
    while first > max(0, len(have) - WALKED) and have[first - 1]:
        first -= 1
    return first


def _after_a_hole(days: Days, kinds: Sequence[Kind], rows: Sequence[int]) -> int | None:
    """The row after the last of `rows` that has too little before it to be forecast; None where all have."""
    shortest = min(kind.window for kind in kinds)
    for row in reversed(rows):
        try:
            Inputs.of(days.before(row), shortest)
        except TooShort:
            return row + 1
    return None


def _walked(days: Days, kinds: Sequence[Kind], rows: Sequence[int]) -> dict[int, Floats]:
    """Forecasts (M, H) of rows, each by what is before it; rows in a row share calibrations."""
    found: dict[int, Floats] = {}
    for place, row in enumerate(rows):
        if row in found:
            continue
        last = row
        while place + last + 1 - row < len(rows) and rows[place + last + 1 - row] == last + 1:
            last += 1
        walked = day_ahead.walk(days.before(last + 1), kinds, row)
        found |= {row + n: one for n, one in enumerate(walked.forecasts)}
    return found


def _daily(forecast: Floats, price: Floats) -> Floats:
    """Mean absolute errors a day, NaN where a day has no price."""
    there = np.isfinite(price)
    total = np.where(there, np.abs(forecast - price), 0.0).sum(axis=1)
    count = there.sum(axis=1)
    return np.divide(total, count, out=np.full(len(price), np.nan), where=count > 0)
