"""Means of what happened lately, the newest counting most: of errors and of their sizes."""

from __future__ import annotations

import numpy as np

from workloads.kit.windows import Floats


def late(values: Floats, lifetime: int) -> Floats:
    """Exponential mean of the days before each, of values (D, H), with a mean lifetime in days: (D, H).

    A missing value counts for nothing; where none came before there is 0.
    """
    found = np.zeros_like(values)
    keep = 1 - 1 / lifetime
    total, weight = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for day in range(1, len(values)):
        there = np.isfinite(values[day - 1])
        total = total * keep + np.where(there, values[day - 1], 0.0)
        weight = weight * keep + there
        found[day] = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    return found
