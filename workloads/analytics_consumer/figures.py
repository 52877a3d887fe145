"""Figures of the windows that end with each session, vectorised; NaN where a window gives none.

The definitions are those of `kit.contracts.messages.Analytics` and of table technical_indicators. A figure
of a session uses its own window and nothing else, so it is the same however many are computed together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from workloads.kit import windows as stats
from workloads.kit.revisions import Micros
from workloads.kit.windows import Floats

TRENDS_SIZE: Final = 31
"""Sessions that a row of price_trends looks at: 30 returns take 31 prices."""

INDICATORS_SIZE: Final = 250
"""Sessions that a row of technical_indicators looks at."""

SHORT_SIZE: Final = 30
"""Sessions that its figures look at, but for the highest price."""

_CONSTANT: Final = 1e-12
"""Relative deviation at or below which prices count as constant: rounding leaves about this much."""


class Trends(NamedTuple):
    """Columns of price_trends, each of shape (count,)."""

    last: Floats
    mean_7: Floats
    mean_30: Floats
    volatility_7: Floats
    volatility_30: Floats
    trend_30: Floats


class Indicators(NamedTuple):
    """Columns of technical_indicators, each of shape (count,)."""

    rsi_14: Floats
    momentum_10: Floats
    zscore_30: Floats
    drawdown_250: Floats


def trends(prices: Floats, count: int) -> Trends:
    """Of the last `count` sessions of `prices`, which has up to `TRENDS_SIZE` - 1 more before them."""
    logs = _logs(prices)
    returns = logs[1:] - logs[:-1]
    return Trends(
        last=prices[-count:],
        mean_7=_rolling(stats.mean, prices, 7, count),
        mean_30=_rolling(stats.mean, prices, 30, count),
        volatility_7=_rolling(stats.deviation, returns, 7, count),
        volatility_30=_rolling(stats.deviation, returns, 30, count),
        trend_30=_rolling(stats.slope, logs, 30, count),
    )


def indicators(prices: Floats, count: int) -> Indicators:
    """Of the last `count` sessions of `prices`, which has up to `INDICATORS_SIZE` - 1 more before them.

    `rsi_14`: 100 times the share of gains in the sum of the last 14 price changes' sizes (the simple form:
    the smoothed one has no window), 50 if the price stood still. `momentum_10`: relative change over ten
    sessions. `zscore_30`: deviations of the price from its mean over 30, 0 if it stood still. `drawdown_250`:
    relative distance from the highest of 250, at most 0. The two relative ones are NaN where a price that
    they look at is not positive.
    """
    positive = _positive(prices)
    return Indicators(
        rsi_14=_rolling(_strength, prices[1:] - prices[:-1], 14, count),
        momentum_10=_rolling(lambda windows: windows[-1] / windows[0] - 1, positive, 11, count),
        zscore_30=_rolling(_zscore, prices, 30, count),
        drawdown_250=_rolling(
            lambda windows: windows[-1] / windows.max(axis=0) - 1, positive, INDICATORS_SIZE, count
        ),
    )


def highest(prices: Floats) -> Floats:
    """The highest price of each full window of `INDICATORS_SIZE`; NaN where one of them is not positive."""
    if len(prices) < INDICATORS_SIZE:
        return np.empty(0)
    return stats.sliding(_positive(prices), INDICATORS_SIZE).max(axis=0)


def newest_known(known: Micros, size: int, count: int) -> Micros:
    """For the last `count` sessions, when the last of the prices in the window of `size` became known.

    A row can be no older than what it was computed from: so a correction gives later rows its own time.
    """
    if np.all(known[1:] >= known[:-1]):
        return known[-count:]
    # A window that is not full yet looks at the sessions there are.
    padded = np.concatenate([np.full(size - 1, np.iinfo(np.int64).min), known])
    return sliding_window_view(padded, size)[-count:].max(axis=1)


def _positive(prices: Floats) -> Floats:
    return np.where(prices > 0, prices, np.nan)


def _logs(prices: Floats) -> Floats:
    return np.log(_positive(prices))


def _rolling(statistic: Callable[[Floats], Floats], values: Floats, width: int, count: int) -> Floats:
    column = np.full(count, np.nan)
    full = min(count, len(values) - width + 1)
    if full > 0:
        column[count - full :] = statistic(stats.sliding(values[len(values) - full - width + 1 :], width))
    return column


def _strength(changes: Floats) -> Floats:
    gains = stats.total(np.maximum(changes, 0.0))
    moves = stats.total(np.abs(changes))
    return np.where(moves > 0, 100 * gains / np.where(moves > 0, moves, 1.0), 50.0)


def _zscore(prices: Floats) -> Floats:
    mean, deviation = stats.mean(prices), stats.deviation(prices)
    moved = deviation > _CONSTANT * np.abs(mean)
    return np.where(moved, (prices[-1] - mean) / np.where(moved, deviation, 1.0), 0.0)
