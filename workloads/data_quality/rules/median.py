"""Robust centre and width of a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from workloads.kit.windows import Floats

MAD_TO_SIGMA: Final = 1.4826
"""A normal distribution's standard deviation, in its median absolute deviations."""


def median(values: Sequence[float]) -> float:
    """Of at least one number."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def centre_and_width(values: Sequence[float]) -> tuple[float, float]:
    """Median and median absolute deviation, this one as a standard deviation; of at least one number."""
    centre = median(values)
    return centre, MAD_TO_SIGMA * median([abs(one - centre) for one in values])


def columns_centre(rows: Floats) -> Floats:
    """Median of each column of an array of shape (n, m): shape (m,)."""
    ordered = np.sort(rows, axis=0)
    half = len(rows) // 2
    return ordered[half] if len(rows) % 2 else (ordered[half - 1] + ordered[half]) / 2


def columns_width(rows: Floats, centre: Floats) -> Floats:
    """Median absolute deviation of each column from its centre, as a standard deviation: shape (m,)."""
    return MAD_TO_SIGMA * columns_centre(np.abs(rows - centre))
