"""Prices that can hold together, as near as they come to quotes that contradict each other."""

from __future__ import annotations

import numpy as np

from workloads.kit.curves import qp
from workloads.kit.curves.qp import sparse
from workloads.kit.windows import Floats


def nearest(atoms: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bounds that prices of the atoms keep: the least sum of squares outside those given.

    Args:
        atoms: (Q, K), as `consistency.shares` has them.
        low, high: (Q,), what each product is to cost at least and at most; infinite where nothing is said.
    """
    count, width = len(low), int(atoms.shape[1])
    # Unknowns: prices of the atoms, what the products then cost, and what within the bounds is nearest to it.
    identity = sparse.eye_array(count, format="csr")
    distance = sparse.block_array([[identity, -identity], [-identity, identity]])
    quadratic = sparse.block_diag([sparse.csr_array((width, width)), distance])
    exact = low == high
    has_low, has_high = np.isfinite(low) & ~exact, np.isfinite(high) & ~exact
    chosen = sparse.hstack([sparse.csr_array((count, width + count)), identity]).tocsr()
    costs = sparse.hstack([sparse.csr_array(atoms), -identity, sparse.csr_array((count, count))])
    rows = sparse.vstack([costs, chosen[exact], chosen[has_high], -chosen[has_low]])
    linear: Floats = np.full(width + 2 * count, 0.0, dtype=np.float64)
    right = np.concatenate([np.zeros(count), low[exact], high[has_high], -low[has_low]])
    solved = qp.solve(quadratic, linear, rows, right, equalities=count + int(exact.sum()))
    cost = atoms @ solved[:width]
    return np.where(exact, cost, np.minimum(low, cost)), np.where(exact, cost, np.maximum(high, cost))
