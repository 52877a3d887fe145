"""Robust centre and width of a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from workloads.kit.windows import Floats

MAD_TO_SIGMA: Final = 1.4826
"""A normal distribution's standard deviation, in its median absolute deviations."""

_OF_FEW: Final = (1.0, 1.0, 1.196, 1.495, 1.363, 1.206, 1.2, 1.14, 1.129, 1.107)
"""How much wider the width is than that about the median of as few numbers as the place in this says (Croux,
Rousseeuw 1992, "Time-efficient algorithms for two highly robust estimators of scale", COMPSTAT)."""


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
    n = len(rows)
    of_few = _OF_FEW[n] if n < len(_OF_FEW) else n / (n - 0.8)
    return of_few * MAD_TO_SIGMA * columns_centre(np.abs(rows - centre))
