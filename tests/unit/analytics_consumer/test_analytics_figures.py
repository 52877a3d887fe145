"""Figures of windows against a slow reference."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prices import walk
from workloads.analytics_consumer.figures import (
    INDICATORS_SIZE,
    TRENDS_SIZE,
    indicators,
    newest_known,
    trends,
)


def slow_trends(prices: list[float]) -> dict[str, float]:
    """Of the last session of all prices there are; NaN where the window is not full or not positive."""
    row = {"last": prices[-1]}
    for size in (7, 30):
        row[f"mean_{size}"] = statistics.fmean(prices[-size:]) if len(prices) >= size else math.nan
        window = prices[-size - 1 :]
        usable = len(window) == size + 1 and min(window) > 0
        row[f"volatility_{size}"] = (
            statistics.stdev(math.log(b / a) for a, b in pairwise(window)) if usable else math.nan
        )
    window = prices[-30:]
    row["trend_30"] = (
        statistics.linear_regression(range(30), [math.log(p) for p in window]).slope
        if len(window) == 30 and min(window) > 0
        else math.nan
    )
    return row


def slow_indicators(prices: list[float]) -> dict[str, float]:
    row: dict[str, float] = dict.fromkeys(("rsi_14", "momentum_10", "zscore_30", "drawdown_250"), math.nan)
    if len(prices) >= 15:
        changes = [b - a for a, b in pairwise(prices[-15:])]
        gains, losses = sum(c for c in changes if c > 0), -sum(c for c in changes if c < 0)
        row["rsi_14"] = 100 - 100 / (1 + gains / losses) if losses else (100.0 if gains else 50.0)
    if len(prices) >= 11 and prices[-11] > 0 and prices[-1] > 0:
        row["momentum_10"] = prices[-1] / prices[-11] - 1
    if len(prices) >= 30:
        window = prices[-30:]
        spread = statistics.stdev(window)
        row["zscore_30"] = (window[-1] - statistics.fmean(window)) / spread if spread else 0.0
    if len(prices) >= 250 and min(prices[-250:]) > 0:
        row["drawdown_250"] = prices[-1] / max(prices[-250:]) - 1
    return row


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(1, 290),
    count=st.integers(1, 60),
    negative=st.booleans(),
)
def test_every_row_equals_the_slow_reference(seed: int, length: int, count: int, negative: bool) -> None:
    prices = walk(seed, length)
    if negative:
        prices[seed % length] *= -1
    count = min(count, length)
    for figures, slow, size in (
        (trends, slow_trends, TRENDS_SIZE),
        (indicators, slow_indicators, INDICATORS_SIZE),
    ):
        columns = figures(prices[max(0, length - count - size + 1) :], count)._asdict()
        for row in range(count):
            expected = slow(prices[: length - count + row + 1].tolist())
            found = {name: column[row] for name, column in columns.items()}
            assert found == pytest.approx(expected, rel=1e-8, abs=1e-10, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), length=st.integers(1, 400))
def test_a_row_is_the_same_to_the_bit_alone_and_among_others(seed: int, length: int) -> None:
    prices = walk(seed, length)
    for figures, size in ((trends, TRENDS_SIZE), (indicators, INDICATORS_SIZE)):
        together = np.stack(figures(prices, length), axis=1)
        alone = [
            np.stack(figures(prices[max(0, end - size) : end].copy(), 1), axis=1)[0]
            for end in range(1, length + 1)
        ]
        assert np.array_equal(together, np.stack(alone), equal_nan=True)


def test_a_price_that_stands_still_has_no_deviation() -> None:
    still = np.full(INDICATORS_SIZE, 0.1)
    assert [float(column[0]) for column in indicators(still, 1)] == [50.0, 0.0, 0.0, 0.0]
    assert trends(still[-TRENDS_SIZE:], 1).volatility_30[0] == 0.0


@given(available=st.lists(st.integers(0, 20), min_size=1, max_size=40), data=st.data())
def test_a_row_is_as_old_as_the_newest_price_in_its_window(available: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(available)))
    size = data.draw(st.integers(1, 12))
    expected = [max(available[max(0, end - size) : end]) for end in range(1, len(available) + 1)][-count:]
    assert newest_known(np.array(available), size, count).tolist() == expected
