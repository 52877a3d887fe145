"""Quadratic programs, solved by Clarabel on one core."""

from __future__ import annotations

from typing import Any, Final

import clarabel as untyped_engine  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from scipy import sparse as untyped_sparse  # pyright: ignore[reportMissingTypeStubs]

from workloads.kit.windows import Floats

sparse: Final[Any] = untyped_sparse
_engine: Final[Any] = untyped_engine

_TOLERANCE: Final = 1e-10
_ACCEPTED: Final = 1e-4
"""How far from its right side a row may end: a solver that stopped short is not believed."""


class Infeasible(ValueError):
    """Nothing is within the bounds."""


def solve(quadratic: Any, linear: Floats, rows: Any, right: Floats, *, equalities: int) -> Floats:
    """argmin x'Qx/2 + c'x, where the first `equalities` rows times x are as `right`, the others not above.

    Args:
        quadratic, rows: sparse, (N, N) and (M, N).

    Raises:
        Infeasible: there is none, or none was found.
    """
    settings = _engine.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _TOLERANCE
    cones = [_engine.ZeroConeT(equalities), _engine.NonnegativeConeT(len(right) - equalities)]
    upper, wide = (sparse.csc_matrix(one) for one in (sparse.triu(quadratic), rows))
    solution = _engine.DefaultSolver(upper, linear, wide, right, cones, settings).solve()
    found = np.array(solution.x)
    over = wide @ found - right
    over[:equalities] = np.abs(over[:equalities])
    if not np.all(np.isfinite(found)) or over.max(initial=0.0) > _ACCEPTED:
        raise Infeasible(f"nothing is within the bounds ({solution.status})")
    return found
