"""Features against a slow reference, and the promise that a row never sees a later price."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prices import walk
from workloads.kit.features import (
    DEFAULT,
    FEATURES,
    VOLATILITY,
    WINDOW,
    FeatureSpec,
    features,
    window_features,
)

SPECS = st.sampled_from(
    [DEFAULT, FeatureSpec(2, 5, ()), FeatureSpec(3, 6, (8, 11)), FeatureSpec(7, 30, (90, 250))]
)


def reference(prices: list[float], spec: FeatureSpec) -> dict[str, float]:
    """One row from the prices of its window, written as the definitions read."""
    logs = [math.log(price) for price in prices]
    returns = [later - earlier for earlier, later in itertools.pairwise(logs)]
    scale = max(statistics.stdev(returns[-spec.window :]), 1e-6)
    row = {f"return_{lag}": sum(returns[-lag:]) for lag in (1, 2, 3, 5)}
    for size in (spec.short, spec.window):
        row[f"mean_return_{size}"] = statistics.fmean(returns[-size:])
        row[f"volatility_{size}"] = statistics.stdev(returns[-size:])
    for size in (spec.short, spec.window, *spec.longer):
        row[f"distance_{size}"] = (logs[-1] - statistics.fmean(logs[-size:])) / scale
    row[f"trend_{spec.window}"] = statistics.linear_regression(range(spec.window), logs[-spec.window :]).slope
    return row


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), extra=st.integers(0, 60), spec=SPECS)
def test_every_row_equals_the_slow_reference(seed: int, extra: int, spec: FeatureSpec) -> None:
    prices = walk(seed, spec.size + extra)
    rows = features(prices, spec)
    for end in range(spec.size, len(prices) + 1):
        expected = reference(prices[end - spec.size : end].tolist(), spec)
        assert dict(zip(spec.names, rows[end - 1], strict=True)) == pytest.approx(
            expected, rel=1e-9, abs=1e-11
        )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), length=st.integers(WINDOW, 3 * WINDOW))
def test_a_row_is_the_same_to_the_bit_from_its_window_alone(seed: int, length: int) -> None:
    prices = walk(seed, length)
    rows = features(prices)
    ends = range(WINDOW, length + 1)
    alone = np.stack([features(prices[end - WINDOW : end].copy())[-1] for end in ends])
    together = window_features(np.stack([prices[end - WINDOW : end] for end in ends]))
    assert np.array_equal(rows[WINDOW - 1 :], alone)
    assert np.array_equal(rows[WINDOW - 1 :], together)


def test_a_long_history_is_the_same_in_whatever_parts_it_is_computed() -> None:
    prices = walk(1, 6000)
    rows = features(prices)
    for start in (0, 1, 777, 2048, 5000):
        assert np.array_equal(features(prices[start:])[WINDOW - 1 :], rows[start + WINDOW - 1 :])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), at=st.integers(0, 199))
def test_no_row_changes_with_a_later_price_or_one_before_its_window(seed: int, at: int) -> None:
    prices = walk(seed, 200)
    changed = prices.copy()
    changed[at] *= 1.5
    before, after = features(prices), features(changed)
    differ = np.flatnonzero(~((before == after) | np.isnan(before)).all(axis=1))
    assert differ.tolist() == list(range(max(at, WINDOW - 1), min(at + WINDOW, 200)))


def test_rows_are_nan_until_the_window_is_full() -> None:
    rows = features(walk(3, WINDOW + 4))
    assert np.isnan(rows[: WINDOW - 1]).all()
    assert np.isfinite(rows[WINDOW - 1 :]).all()
    assert features(walk(3, WINDOW - 1)).shape == (WINDOW - 1, len(FEATURES))
    assert features(np.empty(0)).shape == (0, len(FEATURES))


@pytest.mark.parametrize("bad", [0.0, -37.63, math.nan, math.inf])
def test_rows_are_nan_while_the_window_holds_an_unusable_price(bad: float) -> None:
    prices = walk(4, 3 * WINDOW)
    prices[WINDOW + 5] = bad
    rows = features(prices)
    touched = np.zeros(len(prices), dtype=bool)
    touched[: WINDOW - 1] = True
    touched[WINDOW + 5 : 2 * WINDOW + 5] = True
    assert np.isnan(rows[touched]).all()
    assert np.isfinite(rows[~touched]).all()


def test_features_do_not_depend_on_the_price_level() -> None:
    prices = walk(5, 2 * WINDOW)
    assert features(prices * 1000)[-1] == pytest.approx(features(prices)[-1], rel=1e-9, abs=1e-9)


def test_a_constant_price_has_finite_features() -> None:
    assert features(np.full(WINDOW, 0.1))[-1] == pytest.approx(np.zeros(len(FEATURES)), abs=1e-6)


def test_the_default_set_is_what_models_are_told() -> None:
    assert WINDOW == 90
    assert len(set(FEATURES)) == len(FEATURES) == features(walk(6, WINDOW)).shape[1]
    assert FEATURES[VOLATILITY] == "volatility_30"
    assert FeatureSpec.parse("7,30,90") == DEFAULT
    assert FeatureSpec.parse("7,30,90,250").version != DEFAULT.version


@pytest.mark.parametrize("text", ["", "30", "30,7", "7,7,90", "7,thirty", "1,30", "2,4"])
def test_a_spec_that_cannot_be_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="7,30,90"):
        FeatureSpec.parse(text)
