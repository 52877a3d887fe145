"""How well a whole day fits what is usual, as it stands and under each way in which it may be wrong.

What is usual is the median of the last days of its kind (working day, Saturday, Sunday) by time of day, of
values and of changes; how far days are from it, their median absolute deviation. A day fits with a cost: the
mean of the squared distances in deviations, each cut at `CUT`, so that a few odd hours decide nothing. A day
that was multiplied, turned over or moved is one that fits far better once that is undone: `unit`, `sign` and
`shift` each ask by how much. A real day of negative prices, however deep, has the shape of a day, not that of
its mirror image.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from workloads.data_quality.rules.median import columns_centre, columns_width
from workloads.kit.windows import Floats

PROFILE_DAYS: Final = 8
"""Days of a kind that the usual day is made from."""
SCALE_DAYS: Final = 20
"""Days of a kind that its deviations are made from."""
LEAST: Final = 4
"""Days of a kind before which nothing is said."""
CUT: Final = 9.0
FLOOR: Final = 0.5
"""Least deviation at a time of day, as a share of the median deviation over the day."""

_MEDIAN_VARIANCE: Final = math.pi / 2
"""Of a median of n numbers, n times over the variance of one of them (of a normal distribution)."""


class Usual(NamedTuple):
    """A usual day of s values: they and their s - 1 changes in one array, and its deviations likewise."""

    centre: Floats
    scale: Floats

    @property
    def periods(self) -> int:
        """s."""
        return (len(self.centre) + 1) // 2

    @property
    def level(self) -> float:
        """Mean of its values."""
        return float(self.centre[: self.periods].mean())

    def misfits(self, days: Floats) -> Floats:
        """Costs of days, shape (m, s), by their values and changes: shape (m,)."""
        z = (with_changes(days) - self.centre) / self.scale
        return np.add.reduce(np.minimum(z * z, CUT), axis=1) / len(self.centre)

    def moved(self, day: Floats) -> tuple[float, float, float]:
        """Cost by its changes alone: as it stands, moved later by a period, and moved earlier by one. The
        first and the last change have no neighbour to be compared with and are left out of all three. All
        are counted in the same deviations: in each hour's own, what stands at a restless hour would always
        fit better there."""
        change, scale = self.centre[self.periods :], self.scale[self.periods :]
        inner = (day[1:] - day[:-1])[1:-1]
        centres = np.array((change[1:-1], change[:-2], change[2:]))
        z = (inner - centres) / np.maximum(scale[1:-1], np.sort(scale)[len(scale) // 2])
        here, later, earlier = (np.add.reduce(np.minimum(z * z, CUT), axis=1) / len(inner)).tolist()
        return here, later, earlier


class Shape:
    """The last days of one kind."""

    def __init__(self) -> None:
        self._days: list[Floats] = []

    def usual(self) -> Usual | None:
        """None while there are too few days, or where days do not differ."""
        if len(self._days) < LEAST:
            return None
        days = np.array(self._days)
        profile = days[-PROFILE_DAYS:]
        centre = columns_centre(profile)
        # A new day differs from the median of a few by what either is off by.
        scale = columns_width(days, centre) * math.sqrt(1 + _MEDIAN_VARIANCE / len(profile))
        periods = (len(centre) + 1) // 2
        for part in (scale[:periods], scale[periods:]):
            floor = FLOOR * float(np.sort(part)[len(part) // 2])
            if floor <= 0.0:
                return None
            np.maximum(part, floor, out=part)
        return Usual(centre, scale)

    def add(self, day: Floats) -> None:
        """A day of shape (s,)."""
        self._days.append(with_changes(day[np.newaxis])[0])
        del self._days[:-SCALE_DAYS]


def with_changes(days: Floats) -> Floats:
    """Values, shape (m, s), and their changes from one to the next beside them: shape (m, 2 s - 1)."""
    return np.concatenate((days, days[:, 1:] - days[:, :-1]), axis=1)
