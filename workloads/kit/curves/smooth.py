"""The smoothest daily curves that give each product its price, by quadratic programming (Clarabel).

After Benth, Koekebakker and Ollmar (2007): what a curve adds to its seasonal shape has the least integral of
its squared second derivative, and is flat where it ends. Here a day is a step and a difference stands for a
derivative, so that a product's mean is a sum over its days, each counted by its hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from workloads.kit.curves import qp
from workloads.kit.curves.qp import sparse
from workloads.kit.windows import Floats

_CENTRE: Final = 1e-6
"""What a step from the middle of bid and ask costs beside roughness: enough to say which of the curves that
are equally smooth is meant."""


@dataclass(frozen=True, slots=True)
class Means:
    """What M products ask of D days' level and, where there is one, of what peak hours have above it.

    Args:
        weights: (M, D) or (M, 2 D); a product's mean is its row times the levels, then the additions.
        low, high: (M,), bounds of the means; equal where a product has one price, infinite where none.
    """

    weights: Floats
    low: Floats
    high: Floats


def smoothest(days: int, means: Means) -> Floats:
    """The levels, and the additions of peak hours where the weights have them: (1, D) or (2, D).

    Raises:
        qp.Infeasible: there are none within the bounds.
    """
    count, width = means.weights.shape
    curves = width // days
    rough = _second_differences(days)
    exact = means.low == means.high
    centred = np.isfinite(means.low) & np.isfinite(means.high) & ~exact
    middle = np.where(centred, (np.where(centred, means.low, 0) + np.where(centred, means.high, 0)) / 2, 0.0)

    # Unknowns: the curves, then the means, which keeps the long rows of products in one place.
    pull = np.where(centred, _CENTRE, 0.0)
    quadratic = sparse.block_diag([*[rough.T @ rough] * curves, sparse.diags_array(pull)])
    linear = np.concatenate([np.zeros(width), -pull * middle])
    identity = sparse.eye_array(count, format="csr")
    unbound = sparse.csr_array((count, width))
    is_mean = sparse.hstack([sparse.csr_array(means.weights), -identity])
    bounded = sparse.hstack([unbound, identity]).tocsr()
    has_low, has_high = (np.isfinite(one) & ~exact for one in (means.low, means.high))
    rows = sparse.vstack([is_mean, bounded[exact], bounded[has_high], -bounded[has_low]])
    right = np.concatenate([np.zeros(count), means.low[exact], means.high[has_high], -means.low[has_low]])
    solved = qp.solve(quadratic, linear, rows, right, equalities=count + int(exact.sum()))
    return solved[:width].reshape(curves, days)


def _second_differences(days: int) -> Any:
    """(D - 1, D): of each day but the first; beyond the last day the curve stays where it is."""
    if days < 2:
        return sparse.csr_array((0, days))
    ones = np.ones(days)
    inner = sparse.diags_array([ones, -2 * ones, ones], offsets=[0, 1, 2], shape=(days - 2, days))
    flat = sparse.coo_array(([1.0, -1.0], ([0, 0], [days - 2, days - 1])), shape=(1, days))
    return sparse.vstack([inner, flat])
