"""Small multi-layer perceptrons with one output a period, averaged over seeds."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from workloads.kit.power.days import Days
from workloads.kit.windows import Floats
from workloads.model_training.kinds.inputs import Inputs


@dataclass(frozen=True, slots=True)
class Fitted:
    inputs: Inputs
    networks: list[Any]

    def predict(self, known: Days) -> Floats:
        row = self.inputs.row(known)
        mean = np.mean([network.predict(row)[0] for network in self.networks], axis=0)
        return self.inputs.prices.inverse(mean)


@dataclass(frozen=True, slots=True)
class Network:
    """`penalty` is the L2 of weights, in MLPRegressor's units."""

    window: int = 1456
    every: int = 84
    seeds: int = 3
    hidden: tuple[int, ...] = (96,)
    penalty: float = 3.0
    epochs: int = 60
    rate: float = 2e-3
    name: str = "network"

    def fit(self, past: Days) -> Fitted:
        inputs = Inputs.of(past, self.window)
        with warnings.catch_warnings():
            # The epochs are the stop: what a part held out would save is less than what its days teach.
            warnings.simplefilter("ignore", ConvergenceWarning)
            networks = [self._one(seed, len(inputs.x)).fit(inputs.x, inputs.y) for seed in range(self.seeds)]
        return Fitted(inputs, networks)

    def _one(self, seed: int, days: int) -> MLPRegressor:
        # Any: the types that the library declares for its settings are narrower than what it takes.
        settings: dict[str, Any] = {
            "hidden_layer_sizes": self.hidden,
            "alpha": self.penalty,
            "batch_size": min(64, days),
            "learning_rate_init": self.rate,
            "max_iter": self.epochs,
            "tol": 0.0,
            "n_iter_no_change": self.epochs,
            "random_state": seed,
        }
        return MLPRegressor(**settings)
