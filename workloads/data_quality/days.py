"""A local day of a series while its values come."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from workloads.data_quality.rules.finding import Point
from workloads.kit.periods import midnight
from workloads.kit.windows import Floats

_DAY: Final = timedelta(days=1)


class Day:
    """The periods of the local day that `instant` is in: 23 to 25 hours of them.

    `plain` says whether it has as many as other days: only such days are compared with others. A period's
    slot is that of its local time of day, so that hours are compared with the same hours of other days.
    """

    def __init__(self, instant: datetime, zone: ZoneInfo, step: timedelta) -> None:
        self.local: date = instant.astimezone(zone).date()
        self.start = midnight(self.local, zone)
        self.end = midnight(self.local + _DAY, zone)
        self.first = instant
        self.plain = self.end - self.start == _DAY
        self.published: datetime | None = None
        self.seen: datetime | None = None
        self.before: float | None = None
        """The value just before the day, where there was one."""
        self._zone = zone
        self._step = step
        self._slots = _DAY // step
        self._wanted = (self.end - self.start) // step
        self._held = 0
        self._put: list[float | None] = [None] * self._wanted

    @property
    def values(self) -> Floats:
        """All of them, once the day is whole."""
        return np.array(self._put, np.float64)

    def slot(self, instant: datetime) -> int:
        """Place of a period in a day of usual length, by its local time of day."""
        if self.plain:
            return min((instant - self.start) // self._step, self._slots - 1)
        local = datetime.combine(self.local, instant.astimezone(self._zone).time(), UTC)
        return (local - datetime.combine(self.local, time(0), UTC)) // self._step

    def put(self, slot: int, point: Point) -> bool:
        """Take a value in; says whether the day has just become whole."""
        at = slot if self.plain else (point.start - self.start) // self._step
        if not 0 <= at < self._wanted or self._put[at] is not None:
            return False
        self._put[at] = point.value
        self._held += 1
        return self._held == self._wanted

    def fill(self, point: Point) -> bool:
        """The same of a value that comes after its successors, if it is of this day at all."""
        if not self.start <= point.start < self.end:
            return False
        return self.put(self.slot(point.start), point)


def kind_of(day: date) -> int:
    """Days that are alike: 0 a working day, 5 a Saturday, 6 a Sunday."""
    weekday = day.weekday()
    return 0 if weekday < 5 else weekday
