"""late: a value published, or come here, long after what is usual for its series.

How long after the start of its local day (what an auction makes known at once) or of its own period (what is
measured) a value is published has a median and a median absolute deviation over the last `WINDOW` days; what
comes more than `LIMIT` deviations and more than `GRACE` after the median is late. The same holds of when it
came here, where that was soon: sources that name no time of publication have the scheduled one, however late
their auction was.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workloads.data_quality.rules.finding import Finding, Point
from workloads.data_quality.rules.median import centre_and_width

WINDOW: Final = 28
LEAST: Final = 7
LIMIT: Final = 6.0
GRACE: Final = 2 * 3600.0
"""Seconds. An auction that is decoupled is an hour or two late and no fault."""


class _Usual:
    """Delays of the last days, in seconds: their median, and the most that is not late."""

    def __init__(self) -> None:
        self._delays: list[float] = []
        self.median = 0.0
        self.most: float | None = None

    def add(self, delay: float) -> None:
        self._delays.append(delay)
        del self._delays[:-WINDOW]
        if len(self._delays) < LEAST:
            return
        self.median, deviation = centre_and_width(self._delays)
        self.most = self.median + max(GRACE, LIMIT * deviation)


class Late:
    """One delay a day: that of its first value, which stands for the day's others."""

    def __init__(self) -> None:
        self._published = _Usual()
        self._seen = _Usual()
        self._told: datetime | None = None

    def take(self, point: Point, since: datetime, day: datetime) -> Finding | None:
        """A finding, once a day, where a value is known, or here, too long after `since`."""
        if self._told == day:
            return None
        known = (("published", point.published, self._published), ("here", point.seen, self._seen))
        for how, at, usual in known:
            if at is None or usual.most is None or (at - since).total_seconds() <= usual.most:
                continue
            self._told = day
            return Finding(
                "late",
                point.start,
                point.end,
                1,
                None,
                f"{how} {_hours(usual.median)} after {since:%Y-%m-%dT%H:%MZ}, at most {_hours(usual.most)}",
                f"{how} {_hours((at - since).total_seconds())} after it, at {at:%Y-%m-%dT%H:%MZ}",
                "see why its source was late, or its pipeline; forecasts made before were made without it",
            )
        return None

    def end_of_day(self, published: timedelta, seen: timedelta | None = None) -> None:
        """A day's delays become a part of what is usual."""
        self._published.add(published.total_seconds())
        if seen is not None:
            self._seen.add(seen.total_seconds())


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h"
