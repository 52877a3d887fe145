"""One series under all the rules: what each value, and each whole day, gives rise to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from workloads.data_quality.days import Day, kind_of
from workloads.data_quality.rules import bounds, day_findings, gap, revision, unit
from workloads.data_quality.rules.bounds import Limits
from workloads.data_quality.rules.drift import Drift
from workloads.data_quality.rules.finding import Finding, Point
from workloads.data_quality.rules.late import Late
from workloads.data_quality.rules.revision import Seen
from workloads.data_quality.rules.shape import Shape
from workloads.data_quality.rules.shift import Shift
from workloads.data_quality.rules.spike import Spike
from workloads.data_quality.rules.stuck import Stuck
from workloads.kit.periods import Resolution

_DAY: Final = timedelta(days=1)
_FINEST: Final = timedelta(minutes=5)
_COARSEST: Final = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a series beforehand.

    Args:
        zone: of its market, whose days it is delivered by.
        limits: what is possible at all, where anything is known.
        ahead: whether it is known before its delivery, a day at a time.
        timed: whether its periods and times are the market's own; those of a replay are not.
        still: values at which it may stay for ever.
    """

    resolution: Resolution
    zone: ZoneInfo
    limits: Limits | None
    ahead: bool
    timed: bool
    still: frozenset[float] = frozenset()


class SeriesWatch:
    """State of the rules for one series; `take` gives what its next value gives rise to.

    Can be pickled: a copy is a state to come back to.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        clock = facts.resolution.clock
        within_day = clock is not None and _FINEST <= clock <= _COARSEST and _DAY % clock == timedelta(0)
        self._step = clock if within_day and facts.timed else None
        limits = facts.limits
        self._seen = Seen()
        self._stuck = Stuck(frozenset((limits.low, limits.high)) if limits else frozenset(), facts.still)
        self._spike = Spike()
        self._late = Late()
        self._shapes: dict[int, Shape] = {}
        self._shift = Shift()
        self._drift = Drift()
        self._recent: list[float] = []
        self._day: Day | None = None
        self._last: Point | None = None

    def take(self, point: Point) -> list[Finding]:
        """What a value gives rise to, in the order of the topic; most often nothing."""
        found: list[Finding] = []
        if (impossible := bounds.outside(point, self._facts.limits)) is not None:
            found.append(impossible)
        novelty = self._seen.take(point)
        if novelty != "new":
            if novelty == "duplicate":
                found.append(revision.duplicate(point))
            return found
        last = self._last
        if last is None or point.start >= last.start:
            self._last = point
            if last is not None and point.start > last.end and self._facts.timed:
                self._after_gap(last, point, found)
            self._in_order(last, point, found)
        elif self._day is not None and self._day.fill(point):
            self._end_day(found)
        return found

    def _after_gap(self, last: Point, point: Point, found: list[Finding]) -> None:
        missing = gap.gap(self._facts.resolution, last.end, point.start)
        if missing is not None:
            found.append(missing)
            self._spike.interrupt()
            self._stuck.interrupt()

    def _in_order(self, last: Point | None, point: Point, found: list[Finding]) -> None:
        if (stuck := self._stuck.take(point)) is not None:
            found.append(stuck)
        if self._step is None:
            self._single(last, point, found)
            return
        day = self._day
        if day is None or point.start >= day.end:
            day = self._day = Day(point.start, self._facts.zone, self._step)
            day.published, day.seen = point.published, point.seen
            day.before = last.value if last is not None and last.end == point.start else None
            self._seen.forget(point.start)
        slot = day.slot(point.start)
        if (spike := self._spike.take(point, slot)) is not None:
            found.append(spike)
        if not point.correction:
            since = day.start if self._facts.ahead else point.start
            if (late := self._late.take(point, since, day.start)) is not None:
                found.append(late)
        if day.put(slot, point):
            self._end_day(found)

    def _single(self, last: Point | None, point: Point, found: list[Finding]) -> None:
        """A value that is a day, a month or an instant by itself."""
        if (spike := self._spike.take(point, 0)) is not None:
            found.append(spike)
        if last is not None:
            self._spike.end_of_day(np.array([point.value - last.value]))
        if (factor := unit.single(point.value, self._recent)) is not None:
            found.append(day_findings.unit(point.start, point.end, 1, factor, f"after {self._recent[-1]:g}"))
        self._recent = [*self._recent[-27:], point.value]
        if self._facts.timed:
            if (
                not point.correction
                and (late := self._late.take(point, point.start, point.start)) is not None
            ):
                found.append(late)
            self._late.end_of_day(
                point.published - point.start, point.seen - point.start if point.seen is not None else None
            )
        self._seen.forget(point.start)

    def _end_day(self, found: list[Finding]) -> None:
        """A day is whole: look at it, and let it become a part of what is usual."""
        day = self._day
        assert day is not None, "a day that ends has begun"
        values = day.values
        since = day.start if self._facts.ahead else day.first
        if day.published is not None:
            self._late.end_of_day(day.published - since, day.seen - since if day.seen is not None else None)
        if not day.plain:
            return
        if day.before is not None:
            self._spike.end_of_day(np.diff(values, prepend=day.before))
        rows = len(values)
        kind = kind_of(day.local)
        shape = self._shapes.setdefault(kind, Shape())
        usual = shape.usual()
        if usual is not None:
            found += day_findings.of_day(day.start, day.end, values, usual, self._shift)
        shape.add(values)
        if (drifted := self._drift.take(float(values.mean()))) is not None:
            found.append(day_findings.drift(day.start, day.end, rows, drifted))
