"""What forecasts of power prices are made from: the transform, a market's days, their features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workloads.kit.power.days import Days
from workloads.kit.power.features import EXOGENOUS_LAGS, PRICE_LAGS, REACH, design, weekday_dummies
from workloads.kit.power.transform import Asinh

_PRICES = st.floats(-1e6, 1e6, allow_nan=False)


def market(count: int, periods: int = 24, series: int = 2, *, seed: int = 0) -> Days:
    random = np.random.default_rng(seed)
    dates = np.datetime64("2014-12-29") + np.arange(count)
    return Days(
        dates, random.normal(40, 15, (count, periods)), random.normal(9000, 900, (count, series, periods))
    )


@given(arrays(np.float64, (12, 3), elements=_PRICES))
def test_a_price_of_any_sign_comes_back_from_the_transform(prices: np.ndarray) -> None:
    transform = Asinh.fit(prices)
    back = transform.inverse(transform.forward(prices))
    assert np.allclose(back, prices, rtol=1e-6, atol=1e-6 * (1 + np.abs(prices).max()))


@given(arrays(np.float64, (12, 1), elements=_PRICES), st.floats(-1e9, 1e9))
def test_no_value_of_a_model_becomes_a_price_without_bounds(prices: np.ndarray, value: float) -> None:
    transform = Asinh.fit(prices)
    back = transform.inverse(np.array([value]))
    assert np.isfinite(back).all()
    spread = np.abs(prices - np.median(prices)).max() + transform.scale[0]
    assert abs(back[0] - np.median(prices)) <= 5 * spread + 1e-6


def test_a_column_that_is_mostly_one_value_still_has_a_scale() -> None:
    solar_at_dawn = np.array([[0.0]] * 9 + [[50.0]])
    assert np.abs(Asinh.fit(solar_at_dawn).forward(solar_at_dawn)).max() < 5


def test_a_row_holds_prices_up_to_the_day_before_and_exogenous_values_of_its_own() -> None:
    days = market(20)
    row = design(days)[15].reshape(-1, 24)
    expected = [days.prices[15 - lag] for lag in PRICE_LAGS]
    expected += [days.exogenous[15 - lag, series] for series in (0, 1) for lag in EXOGENOUS_LAGS]
    assert np.array_equal(row, np.array(expected))


def test_first_days_that_lack_a_past_have_no_features() -> None:
    rows = design(market(REACH + 3))
    assert np.isnan(rows[: REACH - 1]).any(axis=1).all()
    assert np.isfinite(rows[REACH - 1 :]).all()


def test_nothing_from_the_day_on_is_in_its_row() -> None:
    days = market(30)
    later = market(30, seed=1)
    prices, exogenous = days.prices.copy(), days.exogenous.copy()
    prices[20:], exogenous[21:] = later.prices[20:], later.exogenous[21:]
    assert np.array_equal(design(Days(days.dates, prices, exogenous))[20], design(days)[20])


def test_a_missing_price_is_filled_from_the_past_alone() -> None:
    days = market(12)
    prices = days.prices.copy()
    prices[0, 4] = prices[6, 3] = prices[7, 3] = np.nan
    filled = Days(days.dates, prices, days.exogenous).filled().prices
    assert filled[6, 3] == filled[7, 3] == prices[5, 3]
    assert np.isnan(filled[0, 4])
    assert np.array_equal(np.delete(filled, 3, axis=1)[1:], np.delete(prices, 3, axis=1)[1:])


def test_what_is_known_for_a_day_leaves_out_its_prices_and_all_after() -> None:
    days = market(12)
    known = days.known_for(8)
    assert len(known) == 9
    assert np.isnan(known.prices[8]).all()
    assert np.array_equal(known.prices[:8], days.prices[:8])
    assert np.array_equal(known.exogenous, days.exogenous[:9])
    assert np.isfinite(days.prices).all()


def test_weekdays_begin_with_monday() -> None:
    assert market(8).weekdays.tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert weekday_dummies(market(8)).argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 5, 6, 0]


def test_features_take_any_number_of_series_and_of_periods() -> None:
    assert design(market(10, periods=96, series=0)).shape == (10, 4 * 96)
    assert design(market(10, periods=24, series=3)).shape == (10, (4 + 9) * 24)


def test_days_with_a_gap_are_refused() -> None:
    days = market(5)
    dates = days.dates.copy()
    dates[3:] += 1
    with pytest.raises(ValueError, match="give a missing day as NaN"):
        Days(dates, days.prices, days.exogenous)
    with pytest.raises(ValueError, match="expected"):
        Days(dates[:4], days.prices, days.exogenous)
