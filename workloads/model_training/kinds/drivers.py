"""What moved a forecast: how far each group of its inputs takes it from that of a usual day of its weekday.

Shares are Shapley values of the groups (Shapley 1953; Strumbelj and Kononenko 2014, Knowledge and Information
Systems 41), exact: each combination of groups is predicted, with the others as on a usual day. So they mean
the same for every kind of model, whatever it does inside, and add up to the forecast less the usual day's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial
from typing import Final

import numpy as np

from workloads.kit.power.days import Days
from workloads.kit.power.features import REACH
from workloads.kit.windows import Floats

YESTERDAY: Final = "prices of the day before"
WEEK: Final = "prices of the week before it"

WEEKS: Final = 4
"""Of which a usual day is the mean, hour by hour: the same weekday so many weeks before."""


def drivers(predict: Callable[[Days], Floats], known: Days, indicators: Sequence[str]) -> dict[str, Floats]:
    """By group, in prices, what it adds to each period of the last day of `known`: shape (H,).

    Groups are each of the `indicators`, in the order of the exogenous series, `YESTERDAY` and `WEEK`.

    Args:
        predict: the prices (H,) of the last day of the days that it is given.
    """
    usual = _usual(known)
    names = (*indicators, YESTERDAY, WEEK)
    worth: dict[frozenset[int], Floats] = {}
    for size in range(len(names) + 1):
        for chosen in combinations(range(len(names)), size):
            worth[frozenset(chosen)] = predict(_with(known, usual, frozenset(chosen)))
    return {name: _share(worth, place, len(names)) for place, name in enumerate(names)}


def _share(worth: dict[frozenset[int], Floats], player: int, players: int) -> Floats:
    total = np.zeros_like(worth[frozenset()])
    for without, value in worth.items():
        if player not in without:
            orders = factorial(len(without)) * factorial(players - len(without) - 1)
            total += orders / factorial(players) * (worth[without | {player}] - value)
    return total


def _usual(known: Days) -> Days:
    """The last REACH days of `known`, each as the mean of its weekday in the WEEKS before; what was never
    there stays as it is."""
    count = len(known)
    first = max(0, count - REACH)
    rows = [
        [row - 7 * week for week in range(1, WEEKS + 1) if row >= 7 * week] for row in range(first, count)
    ]
    prices, exogenous = (
        np.stack(
            [_mean(values, values[row], back) for row, back in zip(range(first, count), rows, strict=True)]
        )
        for values in (known.prices, known.exogenous)
    )
    return Days(known.dates[first:], prices, exogenous)


def _mean(values: Floats, else_: Floats, rows: Sequence[int]) -> Floats:
    if not rows:
        return else_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a period that no such day has
        found = np.nanmean(values[list(rows)], axis=0)
    return np.where(np.isfinite(found), found, else_)


def _with(known: Days, usual: Days, chosen: frozenset[int]) -> Days:
    """`usual` with the groups `chosen` as they are in `known`."""
    recent = known.filled().tail(REACH)
    series = recent.exogenous.shape[1]
    prices, exogenous = usual.prices.copy(), usual.exogenous.copy()
    for place in range(series):
        if place in chosen:
            exogenous[:, place] = recent.exogenous[:, place]
    if series in chosen:
        prices[-2:-1] = recent.prices[-2:-1]
    if series + 1 in chosen:
        prices[:-2] = recent.prices[:-2]
    return Days(recent.dates, prices, exogenous)
