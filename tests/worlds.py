"""Daily losses of a model and its baseline in worlds whose truth is known: how good it is, and since when."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from workloads.kit.windows import Floats
from workloads.model_training.promotion import Losses

Leads = Callable[[np.random.Generator, int], Floats]
"""Of so many days, with mean 0 and, but for chance, deviation 1."""


def _after_one_another(days: Floats, share: float) -> Floats:
    """Each day `share` of the day before's and its own; the deviation stays."""
    found = np.empty_like(days)
    last = days[0]
    for place, own in enumerate(days):
        found[place] = last = own if place == 0 else share * last + math.sqrt(1 - share**2) * own
    return found


def _lognormal(draw: np.random.Generator, count: int) -> Floats:
    spread = math.sqrt((math.e - 1) * math.e)
    return (draw.lognormal(0, 1, count) - math.exp(0.5)) / spread


def _rare(draw: np.random.Generator, count: int) -> Floats:
    """Far better on one day of twenty, a little worse on all others."""
    return np.where(draw.random(count) < 0.05, 19.0, -1.0) / math.sqrt(19)


def _pieces(*levels: float) -> Callable[[int], Floats]:
    """Of a record of so many days, the mean lead of each: these levels, each as long as the others."""
    return lambda count: np.repeat(levels, -(-count // len(levels)))[:count]


WORLDS: Final[Mapping[str, Leads]] = {
    "independent": lambda draw, count: draw.normal(0, 1, count),
    "days alike": lambda draw, count: _after_one_another(draw.normal(0, 1, count), 0.5),
    "heavy tails": lambda draw, count: draw.standard_t(3, count) / math.sqrt(3),
    "skewed, days alike": lambda draw, count: _after_one_another(draw.exponential(1, count) - 1, 0.5),
    "much skewed": _lognormal,
    "rarely far better": _rare,
    "much skewed, down": lambda draw, count: -_lognormal(draw, count),
}
"""What daily leads without skill are like: the harder for a test of their mean, the lower."""

TRUTHS: Final[Mapping[str, Callable[[int], Floats]]] = {
    "no better": _pieces(0.0),
    "worse": _pieces(-0.3),
    "better": _pieces(0.4),
    "turns bad": _pieces(0.6, -0.8),
    "turns good": _pieces(0.0, 0.6),
}
"""Mean leads by day, in deviations, of what may be true of a model in a year."""


def losses(leads: Floats) -> Losses:
    """Of a model that leads its baseline by these: both errors above 0, with what is common to both."""
    common = 1 + np.abs(leads).max()
    return Losses(ours=common - leads / 2, baseline=common + leads / 2)
