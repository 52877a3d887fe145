"""What moved a forecast: how far each group of its inputs takes it from that of a usual day of its weekday.

Shares are Shapley values of the groups (Shapley 1953; Strumbelj and Kononenko 2014, Knowledge and Information
Systems 41), exact: each combination of groups is predicted, with the others as on a usual day. So they mean
the same for every kind of model, whatever it does inside, and add up to the forecast less the usual day's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Final

import numpy as np

from workloads.kit.power.days import Days
from workloads.kit.power.features import REACH
from workloads.kit.windows import Floats

YESTERDAY: Final = "prices of the day before"
WEEK: Final = "prices of the week before it"
OTHERS: Final = "other indicators"

MOST: Final = 5
"""Indicators that are groups of their own; those after them are one together. Each group doubles the work."""

WEEKS: Final = 4
"""Of which a usual day is the mean, period by period: the same weekday so many weeks before."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Exogenous `series`, or `rows` of prices, of the last REACH days."""

    name: str
    series: list[int]
    rows: slice


def drivers(predict: Callable[[Days], Floats], known: Days, indicators: Sequence[str]) -> dict[str, Floats]:
    """By group, in prices, what it adds to each period of the last day of `known`: shape (H,).

    Groups are `indicators`, in the order of the exogenous series, `YESTERDAY` where its prices are there, and
    `WEEK`.

    Args:
        predict: the prices (H,) of the last day of the days that it is given.
    """
    groups = list(_groups(known, indicators))
    filled = known.filled()
    recent, usual = filled.tail(REACH), _usual(filled)
    worth: dict[frozenset[int], Floats] = {}
    for size in range(len(groups) + 1):
        for chosen in combinations(range(len(groups)), size):
            worth[frozenset(chosen)] = predict(_with(recent, usual, [groups[one] for one in chosen]))
    return {group.name: _share(worth, place, len(groups)) for place, group in enumerate(groups)}


def _groups(known: Days, indicators: Sequence[str]) -> Iterator[_Group]:
    none = slice(0, 0)
    for place, name in enumerate(indicators[:MOST]):
        yield _Group(name, [place], none)
    if len(indicators) > MOST:
        yield _Group(OTHERS, list(range(MOST, len(indicators))), none)
    if np.isfinite(known.prices[-2]).all():
        yield _Group(YESTERDAY, [], slice(-2, -1))
    yield _Group(WEEK, [], slice(0, -2))


def _share(worth: dict[frozenset[int], Floats], player: int, players: int) -> Floats:
    total = np.zeros_like(worth[frozenset()])
    for without, value in worth.items():
        if player not in without:
            orders = factorial(len(without)) * factorial(players - len(without) - 1)
            total += orders / factorial(players) * (worth[without | {player}] - value)
    return total


def _usual(filled: Days) -> Days:
    """The last REACH days, each as the mean of its weekday in the WEEKS before; what was never there before
    stays as it is."""
    count = len(filled)
    rows = range(max(0, count - REACH), count)
    back = [[row - 7 * week for week in range(1, WEEKS + 1) if row >= 7 * week] for row in rows]
    prices, exogenous = (
        np.stack([_mean(values[of], values[row]) for row, of in zip(rows, back, strict=True)])
        for values in (filled.prices, filled.exogenous)
    )
    return Days(filled.dates[rows.start :], prices, exogenous)


def _mean(before: Floats, now: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of no values
        found = np.nanmean(before, axis=0)
    return np.where(np.isfinite(found), found, now)


def _with(recent: Days, usual: Days, chosen: Sequence[_Group]) -> Days:
    """`usual` with the groups `chosen` as they are."""
    prices, exogenous = usual.prices.copy(), usual.exogenous.copy()
    for group in chosen:
        exogenous[:, group.series] = recent.exogenous[:, group.series]
        prices[group.rows] = recent.prices[group.rows]
    return Days(recent.dates, prices, exogenous)
