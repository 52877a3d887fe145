"""LEAR: a LASSO-estimated autoregression for each period of the day, over one calibration window.

After Lago, Marcjasz, De Schutter, Weron (2021), Applied Energy 293, and Uniejewski, Nowotarski, Weron (2016),
Energies 9(8). All periods share one design matrix, so that its Gram matrix is computed once a calibration.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path_gram

from workloads.kit.power.days import Days
from workloads.kit.windows import Floats
from workloads.model_training.kinds.inputs import Inputs

WINDOWS: Final = (56, 84, 1092, 1456)
"""Days of the calibration windows that the literature averages over."""

_STEPS: Final = 60
"""Steps of the path at most, some the number of inputs taken up; the criterion has its least far before."""


@dataclass(frozen=True, slots=True)
class Fitted:
    inputs: Inputs
    weights: Floats
    """(F, H)"""
    intercept: Floats
    """(H,)"""

    def predict(self, known: Days) -> Floats:
        return self.inputs.prices.inverse((self.inputs.row(known) @ self.weights + self.intercept)[0])


@dataclass(frozen=True, slots=True)
class Lear:
    """`window` days; where the history is shorter, all of it."""

    window: int
    every: int = 1

    @property
    def name(self) -> str:
        return f"lear-{self.window}"

    def fit(self, past: Days) -> Fitted:
        inputs = Inputs.of(past, self.window)
        weights, intercept = fit_lasso(inputs.x, inputs.y)
        return Fitted(inputs, weights, intercept)


def fit_lasso(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Weights (F, H) and intercepts (H,) of a LASSO for each column of `y` (n, H) on `x` (n, F).

    The penalty is the point of the LARS path with the least n·MSE/var(y) + 2·df, Akaike's criterion with the
    variance of y in place of the noise's: the second cannot be had where there are more inputs than days.
    """
    rows = len(x)
    centre_x, centre_y = x.mean(axis=0), y.mean(axis=0)
    centred, targets = x - centre_x, y - centre_y
    gram, moments = centred.T @ centred, centred.T @ targets
    weights = np.zeros((x.shape[1], y.shape[1]))
    for period in range(y.shape[1]):
        total = float(targets[:, period] @ targets[:, period])
        if total == 0:  # a price that never moved: the intercept says it
            continue
        moment = np.ascontiguousarray(moments[:, period])
        path = _path(moment, gram, rows)
        left = total - 2 * moment @ path + np.sum(path * (gram @ path), axis=0)
        criterion = rows * left / total + 2 * np.count_nonzero(path, axis=0)
        weights[:, period] = path[:, int(np.argmin(criterion))]
    return weights, centre_y - centre_x @ weights


def _path(moment: Floats, gram: Floats, rows: int) -> Floats:
    """Weights (F, steps + 1) along the LARS path, at most `_STEPS` of it.

    Where two weights reach 0 in the same step, as those of inputs can that are alike to the last bit,
    scikit-learn's solver loses count of them and raises; a shorter path ends before.
    """
    steps = min(_STEPS, rows - 2)
    while True:
        with warnings.catch_warnings():
            # More inputs than days make some of them alike; the path then goes without one, or ends early.
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                return lars_path_gram(moment, gram, n_samples=rows, method="lasso", max_iter=steps)[2]
            except ValueError:
                steps //= 2
                if not steps:
                    raise
