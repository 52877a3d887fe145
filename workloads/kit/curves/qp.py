"""Quadratic programs, solved by Clarabel on one core."""

from __future__ import annotations

from typing import Any, Final

import clarabel as untyped_engine  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from scipy import sparse as untyped_sparse  # pyright: ignore[reportMissingTypeStubs]

from workloads.kit.curves.least import Infeasible, Unfinished
from workloads.kit.windows import Floats

sparse: Final[Any] = untyped_sparse
_engine: Final[Any] = untyped_engine

_TOLERANCE: Final = 1e-10


def solve(quadratic: Any, linear: Floats, rows: Any, right: Floats, *, equalities: int) -> Floats:
    """argmin x'Qx/2 + c'x, where the first `equalities` rows times x are as `right`, the others not above.

    Args:
        quadratic, rows: sparse, (N, N) and (M, N).

    Raises:
        Infeasible: there is none.
        Unfinished: the solver stopped short of the optimum; what it has by then is not believed.
    """
    settings = _engine.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = _TOLERANCE
    cones = [_engine.ZeroConeT(equalities), _engine.NonnegativeConeT(len(right) - equalities)]
    upper, wide = (sparse.csc_matrix(one) for one in (sparse.triu(quadratic), rows))
    solution = _engine.DefaultSolver(upper, linear, wide, right, cones, settings).solve()
    status = str(solution.status)
    if status in {"PrimalInfeasible", "AlmostPrimalInfeasible"}:
        raise Infeasible("nothing is within the bounds")
    if status != "Solved":
        raise Unfinished(f"the solver ended as {status}")
    return np.array(solution.x)
