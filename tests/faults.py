"""Labelled faults laid over true values, and what the rules of data-quality find of them.

A fault is put where the series is otherwise untouched, with so many days before the next one that the rules
know again what is usual. What is drawn (hours, heights, factors) is drawn by a seeded generator.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from workloads.data_quality.rules.bounds import Limits
from workloads.data_quality.rules.finding import Finding, Point
from workloads.data_quality.series import Facts, SeriesWatch
from workloads.kit.contracts.quality import QualityRule
from workloads.kit.periods import Resolution

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
WARM_UP: Final = 60
"""Days without a fault at the start."""
LIMITS: Final = Limits(-500, 4000, "EUR/MWh", "test", "2022-05-11")
FACTS: Final = Facts(Resolution.parse("PT1H"), ZoneInfo("UTC"), LIMITS, ahead=True, timed=True)

FOUND: Final = 0.95
"""Share of the faults of each kind that the rules are to find at least."""
FLAGGED: Final[Mapping[QualityRule, float]] = {
    "spike": 0.0003,
    "unit": 0.0003,
    "sign": 0.0003,
    "shift": 0.002,
    "drift": 0.002,
}
"""Share of untouched hours that a rule is to flag at most, others none: 0.5 % together. What shift and drift
flag is a day each: 0.2 % are two days in three years."""

Days = list[list[Point]]


@dataclass(frozen=True)
class Fault:
    """What was done to the values from `start` to `end`. It counts as found where its rule speaks of a period
    between them."""

    kind: QualityRule
    start: datetime
    end: datetime


def published(day: datetime, choose: random.Random) -> datetime:
    """When a day-ahead auction's prices are known: at 12:45 the day before, some minutes more or less, and
    one time in fifty up to an hour and a half late."""
    minutes = choose.gauss(0, 4) + (choose.uniform(30, 90) if choose.random() < 0.02 else 0.0)
    return day - DAY + timedelta(hours=12, minutes=45 + minutes)


def points(first: datetime, values: Iterable[Sequence[float]], seed: int = 0) -> Days:
    """Days of 24 hours from `first`, midnight in UTC, on."""
    choose = random.Random(seed)
    days: Days = []
    for number, row in enumerate(values):
        day = first + number * DAY
        known = published(day, choose)
        days.append([Point(day + h * HOUR, day + (h + 1) * HOUR, known, v) for h, v in enumerate(row)])
    return days


def made(count: int, seed: int) -> list[list[float]]:
    """Prices of so many days from a Monday on, such as a power market has: two peaks on working days, lower
    and flatter week-ends, a level that wanders, and windy days whose nights are negative."""
    choose = random.Random(seed)
    level, days = 40.0, []
    for day in range(count):
        level += 0.2 * (40.0 - level) + choose.gauss(0, 4)
        swing = 6.0 if day % 7 < 5 else 3.5
        wind = -25.0 if choose.random() < 0.05 else 0.0
        row: list[float] = []
        wander = 0.0
        for hour in range(24):
            peaks = math.exp(-(((hour - 8) / 2.5) ** 2)) + 1.2 * math.exp(-(((hour - 19) / 2.5) ** 2))
            wander = 0.8 * wander + choose.gauss(0, 1.2)
            row.append(round(level - 8 + swing * 3 * peaks + wander + wind * (1 - peaks), 2))
        days.append(row)
    return days


def watch(days: Days, facts: Facts = FACTS) -> list[Finding]:
    """All that the rules find in them."""
    series = SeriesWatch(facts)
    return [finding for day in days for point in day for finding in series.take(point)]


def _gap(days: Days, at: int, choose: random.Random) -> Fault:
    """One to six hours are not there, the last of the day's among them or not."""
    count = choose.randint(1, 6)
    hour = choose.randrange(0, 24 - count)
    day = days[at]
    fault = Fault("gap", day[hour].start, day[hour + count].start)
    del day[hour : hour + count]
    return fault


def _duplicate(days: Days, at: int, choose: random.Random) -> Fault:
    """One hour, or the day up to an hour, comes again, in half of the cases as published later."""
    day, hour = days[at], choose.randrange(24)
    whole, later = choose.random() < 0.5, choose.random() < 0.5
    again = day[: hour + 1] if whole else [day[hour]]
    day += [p._replace(published=p.published + HOUR) for p in again] if later else again
    return Fault("duplicate", again[0].start, again[-1].end)


def _spike(days: Days, at: int, choose: random.Random) -> Fault:
    """One hour is 60 to 300 EUR/MWh off, up or down."""
    day, hour = days[at], choose.randrange(24)
    off = choose.choice((-1, 1)) * choose.uniform(60, 300)
    day[hour] = day[hour]._replace(value=day[hour].value + off)
    return Fault("spike", day[hour].start, day[hour].end)


def _stuck(days: Days, at: int, choose: random.Random) -> Fault:
    """6 to 24 hours have the first one's value."""
    count = choose.randint(6, 24)
    hour, day = choose.randrange(0, 25 - count), days[at]
    for other in range(hour + 1, hour + count):
        day[other] = day[other]._replace(value=day[hour].value)
    return Fault("stuck", day[hour].start, day[hour + count - 1].end)


def _whole(kind: QualityRule, change: Callable[[random.Random], Callable[[float], float]]) -> Lay:
    def lay(days: Days, at: int, choose: random.Random) -> Fault:
        changed = change(choose)
        days[at] = [point._replace(value=changed(point.value)) for point in days[at]]
        return Fault(kind, days[at][0].start, days[at][-1].end)

    return lay


def _factor(choose: random.Random) -> Callable[[float], float]:
    factor = choose.choice((10.0, 100.0, 1000.0, 0.1, 0.01, 0.001))
    return lambda value: value * factor


def _shift(days: Days, at: int, choose: random.Random) -> Fault:
    """A week has the values of the hour before or after."""
    way, week = choose.choice((-1, 1)), days[at - 1 : at + 8]
    values = [point.value for day in week for point in day]
    for number in range(7):
        days[at + number] = [
            point._replace(value=values[24 * (number + 1) + hour - way])
            for hour, point in enumerate(days[at + number])
        ]
    return Fault("shift", days[at][0].start, days[at + 6][-1].end)


def _late(days: Days, at: int, choose: random.Random) -> Fault:
    """A day is published 3 to 24 hours later."""
    by = timedelta(hours=choose.uniform(3, 24))
    days[at] = [point._replace(published=point.published + by) for point in days[at]]
    return Fault("late", days[at][0].start, days[at][-1].end)


def _drift(days: Days, at: int, choose: random.Random) -> Fault:
    """For 30 days, 1.5 to 3 EUR/MWh more are added a day, or taken away."""
    slope = choose.choice((-1, 1)) * choose.uniform(1.5, 3.0)
    for number in range(30):
        moved = slope * (number + 1)
        days[at + number] = [point._replace(value=point.value + moved) for point in days[at + number]]
    return Fault("drift", days[at][0].start, days[at + 29][-1].end)


Lay = Callable[[Days, int, random.Random], Fault]
"""Lay one fault over the days from one on; the days are the caller's to change."""

FAULTS: Final[Mapping[QualityRule, tuple[Lay, int]]] = {
    "gap": (_gap, 15),
    "duplicate": (_duplicate, 15),
    "spike": (_spike, 15),
    "stuck": (_stuck, 15),
    "unit": (_whole("unit", _factor), 15),
    "sign": (_whole("sign", lambda _: lambda value: -value), 15),
    "shift": (_shift, 45),
    "late": (_late, 15),
    "drift": (_drift, 120),
}
"""Kind → how it is laid, and the days from the start of one to the start of the next."""


def lay(kind: QualityRule, days: Days, seed: int) -> tuple[Days, list[Fault]]:
    """Days with faults of one kind, and where they are. `days` stay as they are."""
    how, every = FAULTS[kind]
    choose = random.Random(f"{kind} {seed}")
    changed = [list(day) for day in days]
    at, last = WARM_UP + choose.randrange(every), len(days) - 31
    faults: list[Fault] = []
    while at < last:
        faults.append(how(changed, at, choose))
        at += every
    return changed, faults


def found(faults: Sequence[Fault], findings: Sequence[Finding]) -> int:
    """How many of the faults their own rule speaks of."""
    kinds = {fault.kind for fault in faults}
    spans = [(one.rule, one.start, one.end) for one in findings if one.rule in kinds]
    return sum(
        any(rule == fault.kind and start < fault.end and end > fault.start for rule, start, end in spans)
        for fault in faults
    )


FIRST: Final = datetime(2012, 1, 9, tzinfo=UTC)
"""A Monday."""
