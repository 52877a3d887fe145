"""Gradient-boosted trees on what LEAR leaves unexplained, all periods pooled in one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from workloads.kit.power.days import Days
from workloads.kit.power.features import EXOGENOUS_LAGS, PRICE_LAGS, WEEKDAYS
from workloads.kit.windows import Floats
from workloads.model_training.kinds.inputs import Inputs
from workloads.model_training.kinds.lear import fit_lasso


@dataclass(frozen=True, slots=True)
class Fitted:
    inputs: Inputs
    weights: Floats
    intercept: Floats
    trees: Any

    def predict(self, known: Days) -> Floats:
        row = self.inputs.row(known)
        linear = row @ self.weights + self.intercept
        return self.inputs.prices.inverse(linear[0] + self.trees.predict(pooled(row, linear)))


@dataclass(frozen=True, slots=True)
class Boosted:
    window: int = 1456
    every: int = 91
    trees: int = 150
    rate: float = 0.05
    leaves: int = 12
    least_rows: int = 60
    name: str = "boosted"

    def fit(self, past: Days) -> Fitted:
        inputs = Inputs.of(past, self.window)
        weights, intercept = fit_lasso(inputs.x, inputs.y)
        linear = inputs.x @ weights + intercept
        # The settings are Any: the types that the library declares for them are narrower than what it takes.
        settings: dict[str, Any] = {
            "max_iter": self.trees,
            "learning_rate": self.rate,
            "max_leaf_nodes": self.leaves,
            "min_samples_leaf": self.least_rows,
            "early_stopping": False,
            "random_state": 0,
        }
        trees = HistGradientBoostingRegressor(**settings)
        trees.fit(pooled(inputs.x, linear), (inputs.y - linear).ravel())
        return Fitted(inputs, weights, intercept, trees)


def pooled(x: Floats, linear: Floats) -> Floats:
    """A row a period: (n, F) and LEAR's values (n, H) to (n H, K).

    Its own period's columns of `x`, the neighbouring ones of the day's exogenous values, each block's mean
    and range over the day, the last price known, weekday, period, and LEAR's value with its mean of the day.
    """
    rows, periods = linear.shape
    blocks = x[:, :-WEEKDAYS].reshape(rows, -1, periods)
    known = len(PRICE_LAGS)
    todays = blocks[:, known :: len(EXOGENOUS_LAGS)]
    padded = np.pad(todays, ((0, 0), (0, 0), (1, 1)), mode="edge")
    shape = (rows, periods)
    weekday = x[:, -WEEKDAYS:].argmax(axis=1)
    columns = [
        *np.moveaxis(blocks, 1, 0),
        *np.moveaxis(padded[:, :, :-2], 1, 0),
        *np.moveaxis(padded[:, :, 2:], 1, 0),
        *(np.broadcast_to(one[:, np.newaxis], shape) for one in blocks[:, 1:].mean(axis=2).T),
        *(np.broadcast_to(one[:, np.newaxis], shape) for one in np.ptp(blocks, axis=2).T),
        np.broadcast_to(x[:, [periods - 1]], shape),
        np.broadcast_to(weekday[:, np.newaxis], shape),
        np.broadcast_to(np.arange(periods), shape),
        linear,
        np.broadcast_to(linear.mean(axis=1, keepdims=True), shape),
    ]
    return np.stack(columns, axis=-1).reshape(rows * periods, -1)
