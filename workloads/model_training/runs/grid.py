"""A market's local days of 23, 24 or 25 hours as rows of one length, and back.

A period stands in the place of its local time. Of an hour that the clock repeats the place has the mean, and
both get its forecast; one that the clock skips has the value of the nearest, the earlier, and gets none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from workloads.kit.periods import Resolution, day
from workloads.kit.windows import Floats

_DAY = timedelta(days=1)


class Grid:
    """The places of a day's periods, `places` of them, in a zone."""

    def __init__(self, resolution: str, time_zone: str) -> None:
        """ValueError where no whole number of periods makes a day."""
        self.resolution = Resolution.parse(resolution)
        self.zone = ZoneInfo(time_zone)
        length = self.resolution.clock
        if not length or _DAY % length:
            raise ValueError(f"resolution {resolution}: no whole number of its periods makes a day")
        self._length = length
        self.places = _DAY // length

    def periods(self, of: date) -> tuple[tuple[datetime, datetime], ...]:
        """The day's periods in order, in UTC."""
        return day(of, self.resolution, self.zone)

    def place(self, start: datetime) -> int:
        """Of the period that begins then, from 0."""
        local = start.astimezone(self.zone)
        since = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        return since // self._length

    def row(self, of: date, values: Mapping[datetime, float]) -> Floats:
        """The day's values by start of their periods: shape (places,), NaN where there is none.

        A day that the zone skipped has none at all."""
        total, count = np.zeros(self.places), np.zeros(self.places)
        exists = np.zeros(self.places, dtype=bool)
        for start, _ in self.periods(of):
            place, value = self.place(start), values.get(start.astimezone(UTC))
            exists[place] = True
            if value is not None:
                total[place] += value
                count[place] += 1
        row = np.divide(total, count, out=np.full(self.places, np.nan), where=count > 0)
        there = np.flatnonzero(exists)
        for place in np.flatnonzero(~exists).tolist() if len(there) else ():
            row[place] = row[there[np.argmin(np.abs(there - place))]]
        return row
