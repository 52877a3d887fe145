"""Statistics of many price windows at once, the same to the last bit however many are computed together.

Windows come as an array of shape (w, m): column i is one window, row 0 its oldest value. Only element-wise
operations are used, always in the same order: a reduction by NumPy or BLAS may sum in an order that depends
on m and on memory layout, and a figure recomputed after a restart would then differ from the stored one.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sliding(values: Floats, width: int) -> Floats:
    """Every full window of a series of shape (n,), as a read-only view of shape (width, n - width + 1)."""
    return sliding_window_view(values, width).T


def total(windows: Floats) -> Floats:
    """Sum of each window, shape (m,), by pairs (error grows with log w)."""
    sums = windows
    while len(sums) > 1:
        half = len(sums) // 2
        paired = sums[:half] + sums[half : 2 * half]
        if len(sums) % 2:
            paired[0] += sums[-1]
        sums = paired
    return sums[0]


def mean(windows: Floats) -> Floats:
    """Arithmetic mean of each window, shape (m,)."""
    return total(windows) / len(windows)


def deviation(windows: Floats) -> Floats:
    """Sample standard deviation (n - 1) of each window, shape (m,)."""
    centred = windows - mean(windows)
    return np.sqrt(total(centred * centred) / (len(windows) - 1))


def slope(windows: Floats) -> Floats:
    """Least-squares slope of each window against 0, 1, 2…, shape (m,), in units a step."""
    steps = np.arange(len(windows), dtype=np.float64) - (len(windows) - 1) / 2
    return total(windows * steps[:, np.newaxis]) / float(np.sum(steps * steps))
