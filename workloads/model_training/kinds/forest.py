"""A random forest with one output a period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.ensemble import RandomForestRegressor

from workloads.kit.power.days import Days
from workloads.kit.windows import Floats
from workloads.model_training.kinds.inputs import Inputs


@dataclass(frozen=True, slots=True)
class Fitted:
    inputs: Inputs
    forest: Any

    def predict(self, known: Days) -> Floats:
        return self.inputs.prices.inverse(self.forest.predict(self.inputs.row(known))[0])


@dataclass(frozen=True, slots=True)
class Forest:
    window: int = 1456
    every: int = 91
    trees: int = 100
    least_days: int = 3
    share: float = 0.2
    """Of the inputs, those that a split chooses from."""
    name: str = "forest"

    def fit(self, past: Days) -> Fitted:
        inputs = Inputs.of(past, self.window)
        forest = RandomForestRegressor(
            n_estimators=self.trees,
            min_samples_leaf=self.least_days,
            max_features=self.share,
            random_state=0,
            n_jobs=1,
        )
        return Fitted(inputs, forest.fit(inputs.x, inputs.y))
