"""From days to the numbers that a model learns from, and back to prices: one way for all kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from workloads.kit.power.days import Dates, Days
from workloads.kit.power.features import REACH, design, weekday_dummies
from workloads.kit.power.transform import Asinh
from workloads.kit.windows import Floats
from workloads.model_training.kinds import TooShort

FEWEST_DAYS: Final = 28
"""Complete days that any kind asks for: four of each weekday."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Of n days at `dates`: `x` (n, F) transformed inputs with the weekday's dummies last; `y` (n, H)
    transformed prices."""

    dates: Dates
    x: Floats
    y: Floats
    columns: Asinh
    prices: Asinh

    @classmethod
    def of(cls, past: Days, window: int) -> Inputs:
        """From the last `window` days, less those whose price or inputs are not there.

        Raises:
            TooShort: fewer than FEWEST_DAYS are left.
        """
        known = past.tail(window + REACH - 1)
        rows, dummies = design(known), weekday_dummies(known)
        whole = np.isfinite(rows).all(axis=1) & np.isfinite(known.prices).all(axis=1)
        if whole.sum() < FEWEST_DAYS:
            raise TooShort(
                f"{whole.sum()} complete days with {REACH - 1} before them, of {len(past)}: "
                f"give at least {FEWEST_DAYS}"
            )
        columns, prices = Asinh.fit(rows[whole]), Asinh.fit(known.prices[whole])
        x = np.hstack([columns.forward(rows[whole]), dummies[whole]])
        return cls(known.dates[whole], x, prices.forward(known.prices[whole]), columns, prices)

    def row(self, known: Days) -> Floats:
        """The inputs of the last day of `known`: shape (1, F)."""
        recent = known.filled().tail(REACH)
        return np.hstack([self.columns.forward(design(recent)[-1:]), weekday_dummies(recent)[-1:]])
