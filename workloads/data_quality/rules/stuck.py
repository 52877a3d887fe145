"""stuck: the same value again and again."""

from __future__ import annotations

from typing import Final

from workloads.data_quality.rules.finding import Finding, Point

RUN: Final = 5
"""So many equal values in a row are strange. Chosen on German prices of 2012 to 2014, where no run is longer
than 3."""
RESTING_RUN: Final = 24
"""The same of values at which a series may well rest: zero, and its own limits."""


class Stuck:
    """Counts how often the last value came in a row."""

    def __init__(self, resting: frozenset[float]) -> None:
        self._resting = resting | {0.0}
        self._value: float | None = None
        self._run = 0
        self._first: Point | None = None

    def take(self, point: Point) -> Finding | None:
        """A finding where a run has just become too long: once a run."""
        if point.value != self._value:
            self._value, self._run, self._first = point.value, 1, point
            return None
        self._run += 1
        limit = RESTING_RUN if point.value in self._resting else RUN
        if self._run != limit or self._first is None:
            return None
        return Finding(
            "stuck",
            self._first.start,
            point.end,
            limit,
            point.value,
            f"fewer than {limit} equal values in a row",
            f"{point.value:g} came {limit} times in a row",
            "see whether the source still measures; release it if the market did rest there",
        )

    def interrupt(self) -> None:
        """What comes next does not follow what came last."""
        self._value = None
