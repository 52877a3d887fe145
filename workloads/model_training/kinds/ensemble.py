"""Several kinds' forecasts as one, by weights learned on past days only."""

from __future__ import annotations

from typing import Final

import numpy as np

from workloads.kit.windows import Floats
from workloads.model_training.kinds.late import late, moderate
from workloads.model_training.kinds.nonnegative import nonnegative

WINDOW: Final = 182
"""Past days that weights are learned from, at most."""

FEWEST: Final = 14
"""Past days below which all kinds weigh the same."""

_ROUNDS: Final = 10

LIFETIME: Final = 14
"""Mean lifetime in days of the errors that an hour's forecast is corrected by."""

CORRECTION: Final = 0.4
"""Share of the mean error of late that is taken off: the rest of it is chance."""

SHRINK: Final = 0.02
"""Pull to equal weights, as a share of the errors' own size: it settles how kinds that are alike share a
weight."""


def weights(forecasts: Floats, prices: Floats) -> Floats:
    """Non-negative weights, shape (M,) with sum 1, of the least absolute error on past days.

    Args:
        forecasts: (n, M, H), made before the prices were known; the last WINDOW days count.
        prices: (n, H); periods without one are left out.
    """
    members = forecasts.shape[1]
    equal = np.full(members, 1 / members)
    recent, actual = forecasts[-WINDOW:], prices[-WINDOW:]
    if len(recent) < FEWEST or members == 1:
        return equal
    x = recent.transpose(0, 2, 1).reshape(-1, members)
    y = actual.ravel()
    there = np.isfinite(y)
    x, y = x[there], y[there]
    # Weights that sum to 1 explain the error of the equal mean by each member's distance from it.
    mean = x.mean(axis=1)
    away, left = x - mean[:, np.newaxis], y - mean
    size = float(np.mean(np.abs(left)))
    if size == 0:
        return equal
    # In sizes of the errors, whose squares are none of prices that are next to nothing.
    away, left = away / size, left / size
    pull = SHRINK * len(y)
    hold = 1e3 * len(y)
    found = equal
    for _ in range(_ROUNDS):  # absolute errors by squares reweighted with the round before's errors
        heavy = away * (1 / np.maximum(np.abs(left - away @ found), 1 / 20))[:, np.newaxis]
        # Beside the errors, the distance to equal weights, and that of the sum to 1, which is held.
        gram = heavy.T @ away + pull * np.eye(members) + hold
        found = nonnegative(gram, heavy.T @ left + pull / members + hold)
        found = found / found.sum()
    return found


def walk_ensemble(forecasts: Floats, prices: Floats) -> tuple[Floats, Floats]:
    """Each day's ensemble (D, H) and its weights (D, M), from forecasts (D, M, H) and prices (D, H).

    Day d's weights are learned on days before d, and so is what each period is corrected by: markets move
    away from what the kinds have learned, all of them alike, and no weight mends that. A single far error is
    no such move: each counts for so much at most (`late.moderate`).
    """
    found = np.stack([weights(forecasts[:day], prices[:day]) for day in range(len(forecasts))])
    mean = np.einsum("dm,dmh->dh", found, forecasts)
    return mean + CORRECTION * late(moderate(prices - mean, WINDOW), LIFETIME), found
