"""stuck: the same value again and again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from workloads.data_quality.rules.finding import Finding, Point

RUN: Final = 5
"""So many equal values in a row are strange, where they last for as many hours: quarters may well repeat
their hour. Chosen on German hourly prices of 2012 to 2014, where no run is longer than 3."""
RESTING_RUN: Final = 24
"""The same of values at which a series may well rest: zero, and its own limits."""


class Stuck:
    """Counts how often the last value came in a row.

    Args:
        resting: values, besides zero, that may come for longer than others.
        still: values that may come for ever.
    """

    def __init__(self, resting: frozenset[float], still: frozenset[float] = frozenset()) -> None:
        self._resting = resting | {0.0}
        self._still = still
        self._value: float | None = None
        self._run = 0
        self._told = False
        self._first: Point | None = None

    def take(self, point: Point) -> Finding | None:
        """A finding where a run has just become too long: once a run."""
        if point.value != self._value or self._first is None:
            self._value, self._run, self._told, self._first = point.value, 1, False, point
            return None
        self._run += 1
        if self._told or point.value in self._still:
            return None
        limit = RESTING_RUN if point.value in self._resting else RUN
        lasts = point.end - self._first.start
        if self._run < limit or lasts < timedelta(hours=limit):
            return None
        self._told = True
        return Finding(
            "stuck",
            self._first.start,
            point.end,
            self._run,
            point.value,
            f"fewer than {limit} equal values in a row, or for less than {limit} h",
            f"{point.value:g} came {self._run} times in a row, for {lasts / timedelta(hours=1):g} h",
            "see whether the source still measures; release it if the market did rest there",
        )

    def interrupt(self) -> None:
        """What comes next does not follow what came last."""
        self._value = None
