"""A market's days: prices of every period, and the forecasts of load and the like that come before them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workloads.kit.windows import Floats

Dates = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Days:
    """D days in a row of H periods each, oldest first.

    `dates` has shape (D,), unit day, no day missing; `prices` (D, H); `exogenous` (D, E, H), the values that
    are known before the day's auction. NaN where a value is missing. ValueError where the shapes or the
    dates do not agree.
    """

    dates: Dates
    prices: Floats
    exogenous: Floats

    def __post_init__(self) -> None:
        days, periods = self.prices.shape
        if self.dates.shape != (days,) or self.exogenous.shape[::2] != (days, periods):
            raise ValueError(
                f"dates {self.dates.shape}, prices {self.prices.shape} and exogenous {self.exogenous.shape}: "
                "expected (D,), (D, H) and (D, E, H)"
            )
        if days > 1 and not np.all(np.diff(self.dates) == np.timedelta64(1, "D")):
            raise ValueError("dates are not one day after another: give a missing day as NaN")

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def periods(self) -> int:
        """Periods of a day."""
        return self.prices.shape[1]

    @property
    def weekdays(self) -> NDArray[np.intp]:
        """0 for Monday to 6 for Sunday, shape (D,)."""
        # 1970-01-01, day 0 of datetime64, was a Thursday.
        return ((self.dates.astype("datetime64[D]").astype(np.intp)) + 3) % 7

    def before(self, day: int, *, longest: int | None = None) -> Days:
        """The days before row `day`, at most the last `longest` of them."""
        first = 0 if longest is None else max(0, day - longest)
        return Days(self.dates[first:day], self.prices[first:day], self.exogenous[first:day])

    def known_for(self, day: int) -> Days:
        """What a forecast of row `day` may know: the days before it, and it without its prices."""
        prices = self.prices[: day + 1].copy()
        prices[day] = np.nan
        return Days(self.dates[: day + 1], prices, self.exogenous[: day + 1])

    def tail(self, count: int) -> Days:
        """The last `count` days."""
        return self.before(len(self), longest=count)

    def filled(self) -> Days:
        """Each missing value by the same period's last one before it; what precedes all values stays NaN."""
        shape = (len(self), -1)
        exogenous = _filled(self.exogenous.reshape(shape)) if self.exogenous.size else self.exogenous
        return Days(self.dates, _filled(self.prices), exogenous.reshape(self.exogenous.shape))


def _filled(values: Floats) -> Floats:
    """Down the columns of shape (D, C), from the past alone."""
    there = np.isfinite(values)
    if there.all():
        return values
    last = np.maximum.accumulate(np.where(there, np.arange(len(values))[:, np.newaxis], 0), axis=0)
    return np.take_along_axis(np.where(there, values, np.nan), last, axis=0)
