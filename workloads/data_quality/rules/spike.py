"""spike: a value that both its neighbours contradict, by robust z-scores of the changes by time of day.

Prices rise and fall steeply, and at some hours more than at others: a change is measured against the median
and the median absolute deviation of the same change on the last `WINDOW` days, with a floor, so that zeros
and negatives are values like others. A market that moves goes there and back over hours; a wrong value comes
and goes at once. So a value is strange where the change to it and the change from it are both beyond `LIMIT`
and of opposite signs, and the change before those was far smaller: the top of a peak is none, however high.
It is told when its successor comes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workloads.data_quality.rules.finding import Finding, Point
from workloads.data_quality.rules.median import columns_centre, columns_width
from workloads.kit.windows import Floats

WINDOW: Final = 28
"""Days that the scale of a change is taken from."""
LEAST: Final = 14
"""Days before which nothing is said."""
LIMIT: Final = 12.0
SUDDEN: Final = 3.0
"""How many times larger the change to a spike is than the one before it."""
REFRESH: Final = 4
"""Days after which the scale is taken anew: it changes slowly."""
FLOOR: Final = 0.5
"""Least scale of a change, as a share of the median scale over the day."""


class Spike:
    """Changes of one series, by their place in the day."""

    def __init__(self) -> None:
        self._days: list[Floats] = []
        self._centre: list[float] | None = None
        self._scale: list[float] = []
        self._fresh = 0
        self._before: Point | None = None
        self._last = 0.0
        self._last_but_one = 0.0
        self._expected = 0.0

    def take(self, point: Point, slot: int) -> Finding | None:
        """Whether the value before this one was a spike."""
        before, self._before = self._before, point
        if before is None or self._centre is None:
            self._last = self._last_but_one = 0.0
            return None
        change, expected = point.value - before.value, self._expected
        z = (change - self._centre[slot]) / self._scale[slot]
        z_in, z_earlier = self._last, self._last_but_one
        self._last, self._last_but_one = z, z_in
        self._expected = before.value + self._centre[slot]
        if -LIMIT < z < LIMIT or -LIMIT < z_in < LIMIT or (z > 0) == (z_in > 0):
            return None
        if abs(z_in) < SUDDEN * abs(z_earlier):
            return None
        self._last = 0.0  # what comes after the spike is no spike
        band = LIMIT * self._scale[slot - 1]
        return Finding(
            "spike",
            before.start,
            before.end,
            1,
            before.value,
            f"{expected - band:.4g} to {expected + band:.4g}, as the hours about it have it",
            f"{z_in:+.1f} deviations up to it and {z:+.1f} after it; the limit is {LIMIT:g}",
            "compare it with its source; correct it there, or release it if the market was so",
            expected - band,
            expected + band,
        )

    def interrupt(self) -> None:
        """What comes next does not follow what came last."""
        self._before = None

    def end_of_day(self, changes: Floats) -> None:
        """A whole day's changes, shape (slots,), become part of what is usual."""
        self._days.append(changes)
        del self._days[:-WINDOW]
        self._fresh -= 1
        if len(self._days) < LEAST or self._fresh > 0:
            return
        self._fresh = REFRESH
        days = np.array(self._days)
        centre = columns_centre(days)
        scale = columns_width(days, centre)
        floor = FLOOR * float(np.sort(scale)[len(scale) // 2])
        if floor <= 0.0:  # it hardly ever moves: there is no scale to measure by
            floor = float(np.abs(days).max()) or float("inf")
        self._centre = centre.tolist()
        self._scale = np.maximum(scale, floor).tolist()
