"""From days to the numbers that a model learns from, and back to prices: one way for all kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from workloads.kit.power.days import Dates, Days
from workloads.kit.power.features import EXOGENOUS_LAGS, PRICE_LAGS, REACH, design, weekday_dummies
from workloads.kit.power.transform import Asinh
from workloads.kit.windows import Floats
from workloads.model_training.kinds import TooShort

Numbers: TypeAlias = NDArray[np.floating[Any]]
"""Of single precision or double."""

FEWEST_DAYS: Final = 28
"""Complete days that any kind asks for: four of each weekday."""

_PRICE: Final = {1: 0.5, 2: 0.2, 3: 0.2, 7: 0.5}
_EXOGENOUS: Final = {0: 1.0, 1: 0.4, 7: 0.15}
"""How much a block of inputs counts beside the others, by its lag: what is nearer the day counts more."""

_YEAR: Final = 365.25


def by_lag(width: int, periods: int) -> Floats:
    """How much each of `width` columns of a design counts, by the lag of its block: shape (width,)."""
    series = (width // periods - len(PRICE_LAGS)) // len(EXOGENOUS_LAGS)
    blocks = [_PRICE[lag] for lag in PRICE_LAGS]
    blocks += [_EXOGENOUS[lag] for lag in EXOGENOUS_LAGS] * series
    return np.repeat(blocks, periods)


def season(dates: Dates) -> Floats:
    """The time of year of n days on a circle: shape (n, 2)."""
    angle = 2 * np.pi / _YEAR * dates.astype("datetime64[D]").astype(np.float64)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


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
