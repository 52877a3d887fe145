"""Weighted least squares with coefficients that are not below 0."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LinearRegression

from workloads.kit.windows import Floats


def nonnegative(gram: Floats, moment: Floats) -> Floats:
    """The b >= 0, (K,), of least b'Gb - 2 m'b, where `gram` is X'WX, (K, K), and `moment` X'Wy, (K,).

    From the normal equations, so that the cost of thousands of rows is one product of matrices.
    """
    # Columns that are alike, or all zero, would leave no triangle to solve by.
    steadied = gram + np.eye(len(gram)) * (1e-9 * np.trace(gram) + 1e-30)
    lower = np.linalg.cholesky(steadied)
    regression = LinearRegression(positive=True, fit_intercept=False)
    return regression.fit(lower.T, np.linalg.solve(lower, moment)).coef_
