"""Kernel ridge regression with a linear part and a smooth one: the mean of a Gaussian process, all periods at
once, by one Cholesky factor a calibration.

What is long ago counts less: its noise is taken for larger, twofold each half-life. Two days are near in the
smooth part by their inputs, by what a linear model makes of these for each period, and by the time of year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.kernel_ridge import KernelRidge

from workloads.kit.power.days import Dates, Days
from workloads.kit.power.features import WEEKDAYS
from workloads.kit.windows import Floats
from workloads.model_training.kinds.inputs import Inputs, Numbers, by_lag

_WEEKDAY: Final = 0.25
"""How much the weekday counts in the distance of two days, beside the blocks of `by_lag`."""

_RIDGE: Final = 0.3
"""Penalty of the linear model that sets distances, as a share of the inputs' mean variance over the days."""

_YEAR: Final = 365.25


@dataclass(frozen=True, slots=True)
class Kernel:
    """`reach` is the length of the smooth part, in root-mean-square distances of a day from the mean one;
    `own` the share of a distance that the inputs have by their blocks, the linear model having the rest;
    `season` how far summer is from winter beside it, half-way; `linear` the variance of the linear part
    beside the smooth one's, `noise` that of what neither explains, on the newest day; `half_life` in days."""

    window: int = 1456
    every: int = 1
    reach: float = 1.3
    own: float = 0.5
    season: float = 0.3
    linear: float = 1.0
    noise: float = 0.3
    half_life: float = 365.0
    name: str = "kernel"

    def fit(self, past: Days) -> Fitted:
        inputs = Inputs.of(past, self.window)
        middle, scales = inputs.x.mean(axis=0), _scales(inputs.x, past.periods)
        centre = inputs.y.mean(axis=0)
        # Single precision halves the time; the noise on the diagonal keeps the factor well conditioned.
        x = ((inputs.x - middle) * scales).astype(np.float32)
        y = (inputs.y - centre).astype(np.float32)
        day = _numbers(inputs.dates)
        trust = np.exp2((day - day[-1]) / self.half_life).astype(np.float32)
        projection = _projection(x, y, trust)
        points = Points(x, x @ projection, day)
        # Any: the type that the library declares for the noise is narrower than what it takes.
        settings: dict[str, Any] = {"alpha": self.noise, "kernel": "precomputed"}
        ridge = KernelRidge(**settings)
        ridge.fit(self.between(points, points), y, sample_weight=trust)
        return Fitted(self, inputs, middle, scales, centre, projection, points, np.asarray(ridge.dual_coef_))

    def between(self, these: Points, those: Points) -> Numbers:
        """The covariance of n days and m: shape (n, m)."""
        product = these.x @ those.x.T
        distance = self.own * _squares(product, these.x, those.x)
        linear = these.linear @ those.linear.T
        distance += (1 - self.own) * _squares(linear, these.linear, those.linear)
        apart = these.day[:, np.newaxis] - those.day
        distance += 2 * self.season**2 * (1 - np.cos(2 * np.pi / _YEAR * apart))
        smooth = np.exp(-np.maximum(distance, 0) / (2 * self.reach**2))
        return smooth + self.linear * product


@dataclass(frozen=True, slots=True)
class Points:
    """n days: `x` (n, F) their inputs, `linear` (n, H) what the linear model makes of these, `day` (n,) their
    numbers, of any beginning."""

    x: Numbers
    linear: Numbers
    day: Numbers


@dataclass(frozen=True, slots=True)
class Fitted:
    kind: Kernel
    inputs: Inputs
    middle: Floats
    scales: Floats
    centre: Floats
    projection: Numbers
    """(F, H), from inputs to what the linear model makes of them."""
    points: Points
    weights: Numbers
    """(n, H), of each day learned from."""

    def predict(self, known: Days) -> Floats:
        row = (self.inputs.row(known) - self.middle) * self.scales
        today = Points(row, row @ self.projection, _numbers(known.dates[-1:]))
        mean = (self.kind.between(today, self.points) @ self.weights)[0]
        return self.inputs.prices.inverse(mean.astype(np.float64) + self.centre)


def _numbers(dates: Dates) -> Numbers:
    return dates.astype("datetime64[D]").astype(np.float32)


def _squares(product: Numbers, these: Numbers, those: Numbers) -> Numbers:
    """Squared distances of rows (n, K) and (m, K) from their product (n, m)."""
    return np.sum(these**2, axis=1)[:, np.newaxis] + np.sum(those**2, axis=1) - 2 * product


def _projection(x: Numbers, y: Numbers, trust: Numbers) -> Numbers:
    """(F, H): ridge regression of `y` on `x`, of such a size that a day is 1 from 0 in root mean square."""
    weighed = (x * trust[:, np.newaxis]).T
    gram = weighed @ x
    found = np.linalg.solve(gram + _RIDGE * np.mean(np.diag(gram)) * np.eye(len(gram)), weighed @ y)
    size = np.sqrt(np.mean(np.sum((x @ found) ** 2, axis=1)))
    return (found / size if size > 0 else found).astype(np.float32)


def _scales(x: Floats, periods: int) -> Floats:
    """A factor a column, shape (F,), such that a day is 1 from the mean one in root mean square."""
    blocks = by_lag(x.shape[1] - WEEKDAYS, periods)
    weights = np.concatenate([blocks, np.full(WEEKDAYS, _WEEKDAY * periods**0.5)])
    return weights / np.sqrt(np.sum((weights * x.std(axis=0)) ** 2))
