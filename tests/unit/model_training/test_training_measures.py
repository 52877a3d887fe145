"""Measures of forecasts against values worked out by hand or by another way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.model_training import measures

NAN = float("nan")


def test_errors_are_those_of_their_definitions() -> None:
    price = np.array([[10.0, -10.0], [20.0, NAN]])
    found = measures.errors(price + np.array([[2.0, -4.0], [0.0, 0.0]]), price + 4.0, price)
    assert found.periods == 3
    assert found.mae == pytest.approx(2.0)
    assert found.rmae == pytest.approx(0.5)
    assert found.rmse == pytest.approx(np.sqrt(20 / 3))
    assert found.bias == pytest.approx(-2 / 3)
    assert found.smape == pytest.approx(100 * (2 * 2 / 22 + 2 * 4 / 24) / 3)
    assert found.accuracy == pytest.approx(1 - 2 / (40 / 3))


def test_errors_of_nothing_are_refused() -> None:
    nothing = np.full((1, 2), NAN)
    with pytest.raises(ValueError, match="no period"):
        measures.errors(nothing, nothing, nothing)


def test_a_price_at_an_end_is_within_and_a_missing_one_counts_nowhere() -> None:
    low, high = np.zeros(4), np.array([1.0, 1.0, 3.0, 9.0])
    found = measures.interval(low, high, np.array([1.0, 2.0, 0.0, NAN]))
    assert found == measures.Interval(coverage=2 / 3, width=5 / 3, periods=3)


@given(st.integers(0, 10_000))
def test_pinball_loss_is_least_at_the_quantile(seed: int) -> None:
    prices = np.random.default_rng(seed).normal(size=999)
    levels = np.array([0.1, 0.5, 0.9])
    best = np.quantile(prices, levels)[:, np.newaxis] * np.ones(len(prices))
    for shift in (-0.5, 0.5):
        assert np.all(measures.pinball(best, levels, prices) < measures.pinball(best + shift, levels, prices))


def test_crps_of_a_normal_forecast_is_near_its_closed_form() -> None:
    from statistics import NormalDist

    levels = np.arange(1, 100) / 100
    quantiles = np.array([NormalDist().inv_cdf(level) for level in levels])
    prices = np.array([0.0, 1.5])
    expected = [
        p * (2 * NormalDist().cdf(p) - 1) + 2 * NormalDist().pdf(p) - 1 / np.sqrt(np.pi) for p in prices
    ]
    found = measures.crps(np.repeat(quantiles[:, np.newaxis], 2, axis=1), levels, prices)
    assert found == pytest.approx(np.mean(expected), rel=0.01)


def test_the_better_forecast_of_two_is_found_and_noise_is_not() -> None:
    random = np.random.default_rng(3)
    price = random.normal(40, 10, (400, 24))
    good = price + random.normal(0, 3.0, price.shape)
    bad = price + random.normal(0, 3.6, price.shape)
    assert measures.diebold_mariano(good, bad, price) < 0.001
    assert measures.diebold_mariano(bad, good, price) > 0.999
    assert measures.diebold_mariano(good, good, price) == 0.5


def test_hours_of_one_day_are_one_observation() -> None:
    """A lead on a single day of two, in 24 hours alike, is no evidence."""
    price = np.zeros((2, 24))
    ours, theirs = np.full((2, 24), 1.0), np.vstack([np.full(24, 3.0), np.full(24, 0.5)])
    assert measures.diebold_mariano(ours, theirs, price) > 0.1


def test_false_alarms_are_at_the_stated_rate() -> None:
    random = np.random.default_rng(5)
    price = np.zeros((150, 24))
    pairs = (random.normal(size=(2, 150, 24)) for _ in range(1000))
    alarms = sum(measures.diebold_mariano(ours, theirs, price) < 0.05 for ours, theirs in pairs)
    assert 25 <= alarms <= 80
