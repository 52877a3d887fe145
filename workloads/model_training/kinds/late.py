"""Means of what happened lately, the newest counting most: of errors and of their sizes."""

from __future__ import annotations

from typing import Final

import numpy as np

from workloads.kit.windows import Floats

MOST: Final = 4.0
"""Medians of the absolute errors that an error counts for at most: one price of scarcity is no habit of the
market, and a mean that takes it in whole is wrong for weeks. Chosen in docs/forecasts.md."""


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


def moderate(errors: Floats, window: int) -> Floats:
    """Errors (D, H), each cut to MOST medians of the absolute errors of the `window` days up to its own.

    Of its hour's, or of all hours' where that is more: an hour whose errors are always large is no exception
    to itself. Huber's clipping (1964, Annals of Mathematical Statistics 35). A missing error stays missing.
    """
    sizes = np.abs(errors)
    found = errors.copy()
    for day in range(len(errors)):
        known = sizes[max(0, day + 1 - window) : day + 1]
        there = np.isfinite(known)
        if not there.any():
            continue
        limit = np.full(errors.shape[1], np.median(known[there]))
        hours = there.any(axis=0)
        limit[hours] = np.maximum(limit[hours], np.nanmedian(known[:, hours], axis=0))
        found[day] = np.clip(errors[day], -MOST * limit, MOST * limit)
    return found
