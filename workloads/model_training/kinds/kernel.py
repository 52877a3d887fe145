"""Kernel ridge regression with a linear part and a smooth one: the mean of a Gaussian process, all periods at
once, by one Cholesky factor a calibration.

What is long ago counts less: its noise is taken for larger, twofold each half-life.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import euclidean_distances

from workloads.kit.power.days import Days
from workloads.kit.power.features import EXOGENOUS_LAGS, PRICE_LAGS, WEEKDAYS
from workloads.kit.windows import Floats
from workloads.model_training.kinds.inputs import Inputs

_PRICE: Final = {1: 0.5, 2: 0.2, 3: 0.2, 7: 0.5}
_EXOGENOUS: Final = {0: 1.0, 1: 0.4, 7: 0.15}
_WEEKDAY: Final = 0.25
"""How much a block counts in the distance of two days, by its lag: what is nearer the day counts more."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """`reach` is the length of the smooth part, in root-mean-square distances of a day from the mean one;
    `linear` the variance of the linear part beside the smooth one's, `noise` that of what neither explains,
    on the newest day; `half_life` in days."""

    window: int = 1456
    every: int = 3
    reach: float = 1.3
    linear: float = 1.0
    noise: float = 0.3
    half_life: float = 365.0
    name: str = "kernel"

    def fit(self, past: Days) -> Fitted:
        inputs = Inputs.of(past, self.window)
        middle, scales = inputs.x.mean(axis=0), _scales(inputs.x, past.periods)
        points = (inputs.x - middle) * scales
        # Days without a price leave no place: as if the days before them were nearer.
        age = np.arange(len(points))[::-1]
        # Any: the type that the library declares for the noise is narrower than what it takes.
        settings: dict[str, Any] = {"alpha": self.noise, "kernel": "precomputed"}
        ridge = KernelRidge(**settings)
        centre = inputs.y.mean(axis=0)
        ridge.fit(
            self.between(points, points), inputs.y - centre, sample_weight=2.0 ** (-age / self.half_life)
        )
        return Fitted(self, inputs, middle, scales, centre, points, np.asarray(ridge.dual_coef_))

    def between(self, these: Floats, those: Floats) -> Floats:
        """The covariance of days at (n, F) and (m, F): shape (n, m)."""
        squares = euclidean_distances(these, those, squared=True)
        return np.exp(-squares / (2 * self.reach**2)) + self.linear * (these @ those.T)


@dataclass(frozen=True, slots=True)
class Fitted:
    kind: Kernel
    inputs: Inputs
    middle: Floats
    scales: Floats
    centre: Floats
    points: Floats
    weights: Floats
    """(n, H), of each day learned from."""

    def predict(self, known: Days) -> Floats:
        row = (self.inputs.row(known) - self.middle) * self.scales
        mean = (self.kind.between(row, self.points) @ self.weights)[0] + self.centre
        return self.inputs.prices.inverse(mean)


def _scales(x: Floats, periods: int) -> Floats:
    """A factor a column, shape (F,), such that a day is 1 from the mean one in root mean square."""
    series = ((x.shape[1] - WEEKDAYS) // periods - len(PRICE_LAGS)) // len(EXOGENOUS_LAGS)
    blocks = [_PRICE[lag] for lag in PRICE_LAGS]
    blocks += [_EXOGENOUS[lag] for lag in EXOGENOUS_LAGS] * series
    weights = np.concatenate([np.repeat(blocks, periods), np.full(WEEKDAYS, _WEEKDAY * periods**0.5)])
    return weights / np.sqrt(np.sum((weights * x.std(axis=0)) ** 2))
