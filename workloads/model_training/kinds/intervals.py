"""Quantiles around a forecast, from the errors that forecasts of past days really had.

The size of an hour's error is foreseen from errors of late, the far ones cut (`late.moderate`), and from how
far the kinds disagree; the errors over that size, uncut, of the last four months are pooled, and their
quantiles hold for the next day (split conformal prediction). What level is asked of them follows what was
covered (Gibbs, Candès 2021, "Adaptive conformal inference under distribution shift", NeurIPS 34), so that a
market that turns wild does not leave its intervals behind.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workloads.kit.contracts.forecasts import LEVELS as CARRIED
from workloads.kit.windows import Floats
from workloads.model_training.kinds.late import late, moderate
from workloads.model_training.kinds.nonnegative import nonnegative

LEVELS: Final = np.array(CARRIED)
"""Quantiles that a forecast carries, (Q,)."""

WINDOW: Final = 364
"""Past days that say what an ordinary error and an ordinary price are, at most."""

_SIZED: Final = 182
"""Past days that the size of errors is learned on, at most. This, the pool, the rate and the edge were chosen
on 2014 and 2015, docs/forecasts.md."""

_POOL: Final = 126
"""Past days whose errors over their size are pooled, at most."""

FEWEST: Final = 28
"""Past days below which no quantile is given."""

_RATE: Final = 0.05
"""How fast the level asked for follows what was covered, a day."""

_EDGE: Final = 0.01
"""No level nearer to 0 or 1 is asked for: beyond it stands one error, the farthest that there was."""

_LEAST: Final = 0.02
"""Width of an interval, at least: where a price has never moved, no error says how far it may. Two steps of a
cent, the finest that a price is quoted in."""

_RECENT: Final = (7, 28)
"""Mean lifetimes in days of the errors of late."""


def walk_intervals(forecasts: Floats, spread: Floats, prices: Floats) -> Floats:
    """Quantiles (D, Q, H) at LEVELS, NaN for the first FEWEST days. Day d's rest on days before it.

    Args:
        forecasts: (D, H).
        spread: how far the kinds disagree, in prices, (D, H).
        prices: (D, H), NaN where there was none.
    """
    days, periods = forecasts.shape
    signed = prices - forecasts
    ordinary = np.abs(moderate(signed, WINDOW))
    signs = _size_signs(forecasts, spread, prices, ordinary)
    found = np.full((days, len(LEVELS), periods), np.nan)
    # Levels are asked for by the two sides of an interval each: 5 % and 95 % have a miss of 5 % a side.
    asked = LEVELS.copy()
    narrow = _LEAST * np.linspace(-0.5, 0.5, len(LEVELS))[:, np.newaxis]
    for day in range(FEWEST, days):
        past = slice(max(0, day - _SIZED), day)
        sizes = _sizes(signs[past], ordinary[past], signs[day])
        scaled = (signed[past] / sizes[:-1])[-_POOL:].ravel()
        scaled = scaled[np.isfinite(scaled)]
        if len(scaled) == 0:
            continue
        quantiles = np.quantile(scaled, np.clip(asked, _EDGE, 1 - _EDGE))
        around = np.sort(quantiles)[:, np.newaxis] * sizes[-1]
        found[day] = forecasts[day] + np.where(around[-1] - around[0] < _LEAST, narrow, around)
        there = np.isfinite(prices[day])
        if there.any():
            below = np.mean(prices[day, there] <= found[day][:, there], axis=1)
            asked = np.clip(asked + _RATE * (LEVELS - below), 0.0, 1.0)
    return found


def _size_signs(forecasts: Floats, spread: Floats, prices: Floats, size: Floats) -> Floats:
    """What foretells the size of a day's errors, of which `size` are those before it, the far ones cut:
    (D, H, K), all >= 0, none later than the day before."""
    hours = late(size, _RECENT[1])
    days = late(np.broadcast_to(np.nanmean(_or_zero(size), axis=1, keepdims=True), size.shape), _RECENT[0])
    low, high = _tails(forecasts, prices)
    return np.stack([hours, days, spread, low, high, np.ones_like(size)], axis=-1)


def _tails(forecasts: Floats, prices: Floats) -> tuple[Floats, Floats]:
    """How far a forecast lies below the lowest tenth, and above the highest, of the prices before its day."""
    low, high = np.zeros_like(forecasts), np.zeros_like(forecasts)
    for day in range(FEWEST, len(forecasts)):
        before = prices[max(0, day - WINDOW) : day]
        bottom, top = np.nanquantile(before, (0.1, 0.9)) if np.isfinite(before).any() else (np.nan, np.nan)
        low[day] = np.nan_to_num(np.maximum(bottom - forecasts[day], 0.0))
        high[day] = np.nan_to_num(np.maximum(forecasts[day] - top, 0.0))
    return low, high


def _sizes(past: Floats, sizes: Floats, today: Floats) -> Floats:
    """Foreseen mean absolute errors of the past days, whose own were `sizes`, and of today after them:
    (n + 1, H), all > 0.

    Non-negative least squares on what foretells them, so that none is below 0 wherever today lies.
    """
    x, y = past.reshape(-1, past.shape[-1]), sizes.ravel()
    there = np.isfinite(y)
    typical = float(y[there].mean()) if there.any() else 0.0
    if typical == 0:
        return np.ones((len(past) + 1, past.shape[1]))
    # Large errors are known less well: weighed by their size, least squares fits all of them alike.
    trust = 1 / np.maximum(x[there][:, 0] + x[there][:, 1], typical / 2) ** 2
    heavy = x[there] * trust[:, np.newaxis]
    weights = nonnegative(heavy.T @ x[there], heavy.T @ y[there])
    return np.maximum(np.concatenate([past, today[np.newaxis]]) @ weights, typical / 10)


def _or_zero(sizes: Floats) -> Floats:
    """A day without any price made no error that is known."""
    return np.where(np.isfinite(sizes).any(axis=1, keepdims=True), sizes, 0.0)
