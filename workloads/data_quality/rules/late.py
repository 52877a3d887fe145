"""late: a value published long after what is usual for its series.

How long after the start of its local day (what an auction makes known at once) or of its own period (what is
measured) a value is published has a median and a median absolute deviation over the last `WINDOW` days; what
comes more than `LIMIT` deviations and more than `GRACE` after the median is late.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from workloads.data_quality.rules.finding import Finding, Point
from workloads.data_quality.rules.median import centre_and_width

WINDOW: Final = 28
LEAST: Final = 7
LIMIT: Final = 6.0
GRACE: Final = 2 * 3600.0
"""Seconds. An auction that is decoupled is an hour or two late and no fault."""


class Late:
    """One delay a day: that of its first value, which stands for the day's others."""

    def __init__(self) -> None:
        self._delays: list[float] = []
        self._usual = 0.0
        self._most: float | None = None
        self._told: datetime | None = None

    def take(self, point: Point, since: datetime, day: datetime) -> Finding | None:
        """A finding, once a day, where a value is published too long after `since`."""
        if self._most is None:
            return None
        delay = (point.published - since).total_seconds()
        if delay <= self._most or self._told == day:
            return None
        self._told = day
        return Finding(
            "late",
            point.start,
            point.end,
            1,
            None,
            f"published {_hours(self._usual)} after {since:%Y-%m-%dT%H:%MZ}, at most {_hours(self._most)}",
            f"published {_hours(delay)} after it, at {point.published:%Y-%m-%dT%H:%MZ}",
            "see why its source was late; forecasts made before were made without it",
        )

    def end_of_day(self, delay: float) -> None:
        """A day's delay, in seconds, becomes part of what is usual."""
        self._delays.append(delay)
        del self._delays[:-WINDOW]
        if len(self._delays) < LEAST:
            return
        self._usual, deviation = centre_and_width(self._delays)
        self._most = self._usual + max(GRACE, LIMIT * deviation)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h"
