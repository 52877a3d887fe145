"""Day-ahead forecasts walked forward: each day as on the morning of its auction, by what was known then."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from workloads.kit.power.days import Days
from workloads.kit.windows import Floats
from workloads.model_training.kinds import Kind, Model
from workloads.model_training.kinds.ensemble import walk_ensemble
from workloads.model_training.kinds.forest import Forest
from workloads.model_training.kinds.intervals import walk_intervals
from workloads.model_training.kinds.kernel import Kernel
from workloads.model_training.kinds.lear import WINDOWS, Lear
from workloads.model_training.kinds.network import Network

WARM_UP: Final = 182
"""Days of forecasts before the first that counts: weights and intervals are learned from them."""


def members() -> tuple[Kind, ...]:
    """The kinds that the ensemble is made of, with the settings chosen in docs/forecasts.md."""
    # Long windows change slowly, and of quarter-hours each calibration takes a second.
    lears = (Lear(window, every=2 if window < 365 else 14) for window in WINDOWS)
    # A year alone learns sooner what is new; it is too short to learn the season from.
    year = Kernel(window=365, own=1.0, season=0.0, half_life=180.0, name="kernel-365")
    return (*lears, Kernel(), year, Network())


def beside() -> tuple[Kind, ...]:
    """Kinds that are measured beside the ensemble and have no part in it."""
    return (Forest(),)


@dataclass(frozen=True, slots=True)
class Walk:
    """Forecasts of kinds for rows `first` to the end of the days, in prices: `forecasts` (D, M, H).

    `seconds` are those of the processor that each kind took for its calibrations, (M,), and `longest` those
    of the longest single one.
    """

    first: int
    names: tuple[str, ...]
    forecasts: Floats
    seconds: Floats
    longest: Floats

    def of(self, name: str) -> Floats:
        """One kind's forecasts, (D, H)."""
        return self.forecasts[:, self.names.index(name)]

    def only(self, names: Sequence[str]) -> Walk:
        """The walk of some of its kinds."""
        chosen = [self.names.index(name) for name in names]
        return Walk(
            self.first, tuple(names), self.forecasts[:, chosen], self.seconds[chosen], self.longest[chosen]
        )


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Of a walk's kinds: `forecasts` (D, H), `weights` (D, M) of the kinds `names`, `quantiles` (D, Q, H) at
    `intervals.LEVELS`, and the processor's `seconds` for calibrating them all on one day, at most."""

    names: tuple[str, ...]
    forecasts: Floats
    weights: Floats
    quantiles: Floats
    seconds: float


def walk(
    days: Days, kinds: Sequence[Kind], first: int, told: Callable[[int, int], None] = lambda _, __: None
) -> Walk:
    """Forecast every day from row `first` on by every kind, each calibrated anew after its `every` days.

    A kind is given the days before the one that it forecasts, and of that one all but its prices.

    Args:
        told: is called with the days done and those to do.

    Raises:
        TooShort: the days before `first` are too few.
    """
    count = len(days) - first
    forecasts = np.empty((count, len(kinds), days.periods))
    seconds, longest = np.zeros(len(kinds)), np.zeros(len(kinds))
    models: dict[str, Model] = {}
    for done in range(count):
        known = days.known_for(first + done)
        past = known.before(first + done)
        for place, kind in enumerate(kinds):
            if done % kind.every == 0:
                began = time.process_time()
                models[kind.name] = kind.fit(past)
                took = time.process_time() - began
                seconds[place] += took
                longest[place] = max(longest[place], took)
            forecasts[done, place] = models[kind.name].predict(known)
        told(done + 1, count)
    return Walk(first, tuple(kind.name for kind in kinds), forecasts, seconds, longest)


def combine(walked: Walk, days: Days) -> Ensemble:
    """The ensemble of a walk's kinds and its quantiles, each day's from the days before it."""
    prices = days.prices[walked.first :]
    forecasts, weights = walk_ensemble(walked.forecasts, prices)
    spread = walked.forecasts.std(axis=1)
    quantiles = walk_intervals(forecasts, spread, prices)
    return Ensemble(walked.names, forecasts, weights, quantiles, float(walked.longest.sum()))


def warm_up(first: int) -> int:
    """The row to walk from so that the forecast of row `first` has learned weights: at most a quarter of the
    days before it are taken from what its first calibration learns from."""
    return first - min(WARM_UP, first // 4)
