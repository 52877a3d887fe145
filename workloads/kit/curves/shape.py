"""What the season, the day of the week and the hour of the clock add to a price, learned from history.

All of it adds and nothing multiplies: prices may be zero or negative, and a share of one says nothing then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from workloads.kit.curves.grid import Grid, Ints
from workloads.kit.windows import Floats

_YEAR: Final = 365.2425
_HARMONICS: Final = 2
_LEAST_DAYS: Final = 14
_KINDS: Final = 3
"""Monday to Friday, Saturday, Sunday."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Additions in the unit of the prices.

    Args:
        season: (2 * harmonics,), of sines and cosines of the year; zeros where less than a year is known.
        weekday: (7,), from Monday, mean 0.
        hour: (4, 3, 24): by quarter of the year from December, kind of day and hour of the clock; mean 0.
    """

    season: Floats
    weekday: Floats
    hour: Floats

    def on(self, grid: Grid) -> Floats:
        """The additions to each hour of a grid; shape (H,)."""
        days = _waves(grid) @ self.season + self.weekday[_weekdays(grid)]
        quarter, kind = _groups(grid)
        return days[grid.day] + self.hour[quarter[grid.day], kind[grid.day], grid.clock]


def learn(grid: Grid, prices: Floats) -> Shape:
    """The shape of hourly prices, NaN where none is known; shape (H,).

    The season takes a year of days, and is left flat where there are fewer; a group of hours of which no day
    is known has the shape of all days.

    Raises:
        ValueError: fewer than 14 days are known whole.
    """
    known = np.bincount(grid.day, weights=np.isnan(prices), minlength=grid.days) == 0
    if int(known.sum()) < _LEAST_DAYS:
        raise ValueError(
            f"{int(known.sum())} whole days of hourly prices are known: give at least {_LEAST_DAYS}"
        )
    means = np.bincount(grid.day, weights=np.nan_to_num(prices), minlength=grid.days) / grid.per_day(
        grid.has("base")
    )
    weekdays, number = _weekdays(grid), np.arange(grid.days) / _YEAR
    dummies = np.eye(7)[weekdays] - 1 / 7
    season = _waves(grid) if known.sum() > _YEAR - 1 else np.zeros((grid.days, 2 * _HARMONICS))
    columns = np.column_stack([np.ones(grid.days), number, season, dummies])
    fitted: Floats = np.linalg.lstsq(columns[known], means[known], rcond=None)[0].astype(np.float64)

    hours = known[grid.day]
    over = (prices - means[grid.day])[hours]
    quarter, kind = (one[grid.day][hours] for one in _groups(grid))
    clock = grid.clock[hours]
    anywhere = _mean(clock, over, (24,), np.zeros(24))
    of_kind = _mean(kind * 24 + clock, over, (_KINDS, 24), anywhere)
    of_both = _mean((quarter * _KINDS + kind) * 24 + clock, over, (4, _KINDS, 24), of_kind)
    weekday = fitted[-7:] - fitted[-7:].mean()
    return Shape(fitted[2:-7], weekday, of_both - of_both.mean(axis=-1, keepdims=True))


def _mean(group: Ints, values: Floats, shape: tuple[int, ...], otherwise: Floats) -> Floats:
    size = int(np.prod(shape))
    count = np.bincount(group, minlength=size)
    total = np.bincount(group, weights=values, minlength=size)
    found = np.divide(total, count, out=np.full(size, np.nan), where=count > 0).reshape(shape)
    return np.where(np.isnan(found), np.broadcast_to(otherwise, shape), found)


def _waves(grid: Grid) -> Floats:
    ordinal = grid.first.toordinal() + np.arange(grid.days)
    angles = 2 * np.pi * np.outer(ordinal, np.arange(1, _HARMONICS + 1)) / _YEAR
    return np.column_stack([np.sin(angles), np.cos(angles)])


def _weekdays(grid: Grid) -> Ints:
    return (grid.first.weekday() + np.arange(grid.days)) % 7


def _groups(grid: Grid) -> tuple[Ints, Ints]:
    months = np.array([(grid.first + timedelta(days=number)).month for number in range(grid.days)])
    return months % 12 // 3, np.maximum(_weekdays(grid) - 4, 0)
