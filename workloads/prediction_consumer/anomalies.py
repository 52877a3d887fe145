"""Which predictions, or the prices that they were made from, are out of the ordinary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workloads.kit import windows as stats
from workloads.kit.features import FeatureSpec
from workloads.kit.windows import Floats

_FLOOR = 1e-6
"""Least volatility compared with: after a constant price, any move would be infinitely many."""


def anomalous(
    windows: Floats, predicted_returns: Floats, threshold: float, spec: FeatureSpec
) -> NDArray[np.bool_]:
    """For windows of positive prices, shape (m, spec.size): whether the predicted return, or the last
    session's own, is more than `threshold` volatilities. The volatility is that of the `spec.window` returns
    before the last session, so that a jump does not raise what it is measured by.
    """
    logs = np.log(np.ascontiguousarray(windows.T))
    returns = logs[1:] - logs[:-1]
    limit = threshold * np.maximum(stats.deviation(returns[-1 - spec.window : -1]), _FLOOR)
    return (np.abs(predicted_returns) > limit) | (np.abs(returns[-1]) > limit)
