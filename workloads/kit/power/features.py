"""What a day's prices are explained by: prices of days before, what is forecast for it, its weekday.

The inputs of the LEAR model of Lago, Marcjasz, De Schutter and Weron (2021), Applied Energy 293, for any
number of exogenous series and of periods a day. Row D holds prices up to D-1 and exogenous values up to D.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workloads.kit.power.days import Days
from workloads.kit.windows import Floats

PRICE_LAGS: Final = (1, 2, 3, 7)
"""Days back of the prices."""

EXOGENOUS_LAGS: Final = (0, 1, 7)
"""Days back of the exogenous values: they are forecasts, so that the day's own are known."""

REACH: Final = max(*PRICE_LAGS, *EXOGENOUS_LAGS) + 1
"""Days that one row is made from, its own included."""

WEEKDAYS: Final = 7


def design(days: Days) -> Floats:
    """A row a day: shape (D, 4 H + 3 E H), missing values filled from the past, NaN where there is none.

    Columns: prices by lag, then each exogenous series by lag, H periods each.
    """
    filled = days.filled()
    blocks = [_lagged(filled.prices, lag) for lag in PRICE_LAGS]
    for series in range(filled.exogenous.shape[1]):
        blocks += [_lagged(filled.exogenous[:, series], lag) for lag in EXOGENOUS_LAGS]
    return np.concatenate(blocks, axis=1)


def weekday_dummies(days: Days) -> Floats:
    """1 in the column of a day's weekday, Monday first: shape (D, 7)."""
    return np.eye(WEEKDAYS)[days.weekdays]


def _lagged(values: Floats, lag: int) -> Floats:
    rows = np.full_like(values, np.nan)
    rows[lag:] = values[: len(values) - lag]
    return rows
