"""How far the naive forecast, that a price stays as it is, is usually off."""

from __future__ import annotations

import math

import numpy as np

from workloads.kit.windows import Floats


def usual_move(window: Floats, level: float) -> float | None:
    """Least change of price, in its unit, that a further one exceeds with probability 1 - `level`, were it
    like those from session to session in the window; None where that takes more of them.

    The ceil((n + 1) * level)-th of n, as of a split conformal interval. In the price's unit, since a price
    near zero or below moves by no share of itself.
    """
    moves = np.sort(np.abs(np.diff(window)))
    rank = math.ceil((len(moves) + 1) * level)
    return float(moves[rank - 1]) if rank <= len(moves) and np.isfinite(moves).all() else None
