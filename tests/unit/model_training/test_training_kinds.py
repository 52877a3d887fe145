"""Model kinds of day-ahead prices, walked forward: no leakage, skill where there is some, odd markets."""

from __future__ import annotations

import numpy as np
import pytest

from workloads.kit.power.days import Days
from workloads.kit.windows import Floats
from workloads.model_training import day_ahead
from workloads.model_training.kinds import Kind, TooShort
from workloads.model_training.kinds.drivers import OTHERS, WEEK, YESTERDAY, drivers
from workloads.model_training.kinds.ensemble import walk_ensemble, weights
from workloads.model_training.kinds.forest import Forest
from workloads.model_training.kinds.intervals import FEWEST, LEVELS, walk_intervals
from workloads.model_training.kinds.kernel import Kernel
from workloads.model_training.kinds.late import moderate
from workloads.model_training.kinds.lear import Lear, fit_lasso
from workloads.model_training.kinds.naive import Naive
from workloads.model_training.kinds.network import Layers, Network

KINDS: tuple[Kind, ...] = (
    Naive(),
    Lear(56, every=3),
    Kernel(every=2),
    Network(seeds=1, epochs=3, hidden=8, every=5),
    Forest(trees=4, every=5),
)
_BY_NAME = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def market(count: int, *, periods: int = 6, noise: float = 2.0, seed: int = 0) -> Days:
    """Prices that follow load less wind, with a weekly shape, below zero now and then."""
    random = np.random.default_rng(seed)
    dates = np.datetime64("2015-01-05") + np.arange(count)
    exogenous = random.normal(0, 1, (count, 2, periods))
    weekend = (np.arange(count) % 7 >= 5)[:, np.newaxis]
    prices = 20 + 15 * exogenous[:, 0] - 15 * exogenous[:, 1] - 10 * weekend
    return Days(dates, prices + random.normal(0, noise, prices.shape), exogenous * 1000 + 5000)


@_BY_NAME
def test_nothing_later_than_the_day_before_reaches_a_forecast(kind: Kind) -> None:
    """Prices from day D on and exogenous values from D+1 on replaced by noise: D's forecast is the same."""
    days, noise = market(80), market(80, seed=9)
    day = 75
    prices, exogenous = days.prices.copy(), days.exogenous.copy()
    prices[day:], exogenous[day + 1 :] = noise.prices[day:], noise.exogenous[day + 1 :]
    spoilt = Days(days.dates, prices, exogenous)
    forecasts = [day_ahead.walk(one, (kind,), 70).of(kind.name) for one in (days, spoilt)]
    assert np.array_equal(forecasts[0][: day - 70 + 1], forecasts[1][: day - 70 + 1])


@pytest.mark.parametrize("kind", [Lear(1456), Kernel(), Network(), Forest()], ids=lambda kind: kind.name)
def test_a_kind_learns_what_prices_follow(kind: Kind) -> None:
    days = market(260)
    walked = day_ahead.walk(days, (kind, Naive()), 250)
    ours, naive = (np.abs(walked.of(name) - days.prices[250:]).mean() for name in (kind.name, "naive"))
    assert ours < 0.7 * naive


@_BY_NAME
def test_missing_values_and_few_days_still_give_a_forecast(kind: Kind) -> None:
    days = market(70)
    prices, exogenous = days.prices.copy(), days.exogenous.copy()
    prices[69, 2] = prices[30] = np.nan
    exogenous[69] = exogenous[40, 1, 3] = np.nan
    forecast = day_ahead.walk(Days(days.dates, prices, exogenous), (kind,), 68).of(kind.name)
    assert np.isfinite(forecast).all()


@_BY_NAME
def test_a_price_that_never_moves_is_forecast_as_it_is(kind: Kind) -> None:
    days = market(60)
    still = Days(days.dates, np.full_like(days.prices, 30.0), days.exogenous)
    assert day_ahead.walk(still, (kind,), 58).of(kind.name) == pytest.approx(30.0, abs=1.5)


def test_a_market_without_exogenous_series_is_forecast() -> None:
    days = market(60)
    bare = Days(days.dates, days.prices, days.exogenous[:, :0])
    assert np.isfinite(day_ahead.walk(bare, KINDS, 58).forecasts).all()


def test_too_short_a_history_is_said() -> None:
    with pytest.raises(TooShort, match="give at least 28"):
        Lear(56).fit(market(30))


def test_the_naive_forecast_takes_yesterday_or_last_week() -> None:
    days = market(21)
    walked = day_ahead.walk(days, (Naive(),), 7).of("naive")
    for row, weekday in enumerate(days.weekdays[7:], 7):
        back = 7 if weekday in (0, 5, 6) else 1
        assert np.array_equal(walked[row - 7], days.prices[row - back])


def test_lear_takes_up_the_inputs_that_matter_and_few_others() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(500, 40))
    y = np.stack([2 * x[:, 3] + 1, -x[:, 7]], axis=1) + random.normal(0, 0.1, (500, 2))
    found, intercept = fit_lasso(x, y)
    assert found[3, 0] == pytest.approx(2, abs=0.1)
    assert found[7, 1] == pytest.approx(-1, abs=0.1)
    assert np.count_nonzero(found) <= 8
    assert intercept == pytest.approx([1, 0], abs=0.1)


def test_lear_is_fitted_where_inputs_are_alike_to_the_last_bit() -> None:
    """The path of these goes to 0 for several at once, at which scikit-learn's solver raises."""
    random = np.random.default_rng(323)
    known = random.integers(-2, 3, size=(30, 20)).astype(float)
    y = known[:, :5].sum(axis=1) + random.normal(size=30)
    found, intercept = fit_lasso(np.repeat(known, 4, axis=1), y[:, np.newaxis])
    left = y - np.repeat(known, 4, axis=1) @ found[:, 0] - intercept[0]
    assert np.var(left) < 0.5 * np.var(y)


def test_what_moved_a_forecast_is_named_by_how_far() -> None:
    """Of load less wind and half of yesterday: each moves it by its weight times how far it is from usual."""
    days = market(60)
    exogenous, prices = days.exogenous.copy(), days.prices.copy()
    exogenous[:-1], prices[:-2] = 5000.0, 30.0
    exogenous[-1, 0], exogenous[-1, 1], prices[-2] = 5300.0, 5000.0, 40.0
    known = Days(days.dates, prices, exogenous).known_for(59)

    def predict(some: Days) -> Floats:
        load, wind = some.exogenous[-1] / 100
        return load - 2 * wind + some.prices[-2] / 2

    moved = drivers(predict, known, ["load", "wind"])
    assert list(moved) == ["load", "wind", YESTERDAY, WEEK]
    assert [float(one[0]) for one in moved.values()] == pytest.approx([3.0, 0.0, 5.0, 0.0])


@_BY_NAME
def test_what_moved_a_forecast_is_finite_where_inputs_were_away_for_weeks(kind: Kind) -> None:
    days = market(84)
    prices, exogenous = days.prices.copy(), days.exogenous.copy()
    exogenous[40:81, 0] = np.nan
    prices[82] = np.nan
    away = Days(days.dates, prices, exogenous).known_for(83)
    moved = drivers(kind.fit(away.before(83)).predict, away, ["load", "wind"])
    # Yesterday's prices are not there: those that stand for them are not called theirs.
    assert list(moved) == ["load", "wind", WEEK]
    assert all(np.isfinite(one).all() for one in moved.values())


def test_many_indicators_are_told_together_after_the_fifth() -> None:
    days = market(40)
    exogenous = np.repeat(days.exogenous[:, :1], 7, axis=1)
    many = Days(days.dates, days.prices, exogenous).known_for(39)
    moved = drivers(lambda some: some.exogenous[-1].sum(axis=0), many, list("abcdefg"))
    assert list(moved) == [*"abcde", OTHERS, YESTERDAY, WEEK]
    assert moved[OTHERS] == pytest.approx(2 * moved["a"])


@_BY_NAME
def test_what_moved_a_forecast_adds_up_to_its_distance_from_a_usual_days(kind: Kind) -> None:
    days = market(84)
    model = kind.fit(days.before(70))
    weeks = np.arange(84) % 7
    usual = Days(days.dates, days.prices[weeks], days.exogenous[weeks]).known_for(83)
    prices, exogenous = usual.prices.copy(), usual.exogenous.copy()
    prices[79:83], exogenous[77:84] = days.prices[79:83], days.exogenous[77:84]
    exogenous[60, 0, 2] = np.nan
    today = Days(days.dates, prices, exogenous)
    moved = drivers(model.predict, today, ["load", "wind"])
    total = np.sum(list(moved.values()), axis=0)
    assert total == pytest.approx(model.predict(today) - model.predict(usual), abs=1e-4)
    if kind.name != "naive":
        assert np.abs(moved["load"]).max() > 1


def test_weights_go_to_the_better_kind_and_never_below_zero() -> None:
    random = np.random.default_rng(2)
    prices = random.normal(40, 10, (200, 24))
    errors = random.normal(0, 1, (200, 3, 24)) * np.array([1.0, 5.0, 5.0])[:, np.newaxis]
    found = weights(prices[:, np.newaxis] + errors, prices)
    assert found.sum() == pytest.approx(1)
    assert found.min() >= 0
    assert found[0] > 0.6


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1e150])
def test_weights_do_not_depend_on_how_large_prices_are(size: float) -> None:
    draw = np.random.default_rng(1)
    prices = draw.normal(40, 10, (60, 24))
    forecasts = prices[:, np.newaxis] + draw.normal(0, 1, (60, 3, 24)) * np.array([[1.0], [2.0], [9.0]])
    np.testing.assert_allclose(
        weights(forecasts * size, prices * size), weights(forecasts, prices), atol=1e-9
    )


def test_a_days_weights_do_not_know_its_prices() -> None:
    random = np.random.default_rng(2)
    prices = random.normal(40, 10, (60, 24))
    forecasts = prices[:, np.newaxis] + random.normal(0, [[[1.0], [3.0]]], (60, 2, 24))
    spoilt = prices.copy()
    spoilt[50:] = -500
    before, after = (walk_ensemble(forecasts, one)[0] for one in (prices, spoilt))
    assert np.array_equal(before[:51], after[:51])
    assert not np.array_equal(before[51:], after[51:])


def test_an_hour_forecast_too_low_of_late_is_raised() -> None:
    random = np.random.default_rng(3)
    prices = random.normal(40, 10, (60, 24))
    low = np.where(np.arange(24) < 6, 5.0, 0.0)
    forecasts = (prices - low + random.normal(0, 1, prices.shape))[:, np.newaxis]
    error = (walk_ensemble(forecasts, prices)[0] - prices)[14:].mean(axis=0)
    assert -4 < error[:6].mean() < -2.5  # a share alone is taken off: errors of late are chance as well
    assert abs(error[6:].mean()) < 0.2


def _spiked(back: int) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """The last day's ensemble and quantiles where an hour was 3000 EUR `back` days ago, and where it was not:
    of kinds that do not see it come, nor are taken in by it after."""
    random = np.random.default_rng(5)
    prices = random.normal(40, 10, (120, 24))
    forecasts = prices[:, np.newaxis] + random.normal(0, [[[2.0], [3.0]]], (120, 2, 24))
    spike = prices.copy()
    spike[-1 - back, 18] = 3000.0

    def last(of: Floats) -> tuple[Floats, Floats]:
        made = walk_ensemble(forecasts, of)[0]
        return made[-1], walk_intervals(made, forecasts.std(axis=1), of)[-1]

    return last(spike), last(prices)


@pytest.mark.parametrize("back", [1, 7, 14])
def test_one_price_of_3000_moves_the_days_after_it_by_little(back: int) -> None:
    (forecast, quantiles), (without, quantiles_without) = _spiked(back)
    assert np.abs(forecast - without).max() < 1.0
    width, usual = quantiles[-1] - quantiles[0], quantiles_without[-1] - quantiles_without[0]
    assert np.isfinite(quantiles).all()
    assert np.all((usual / 2 < width) & (width < 2 * usual))
    assert np.all((quantiles[0] < forecast) & (forecast < quantiles[-1]))


def test_errors_that_are_usual_count_whole_and_what_is_missing_stays_so() -> None:
    random = np.random.default_rng(6)
    errors = random.uniform(-1, 1, (60, 24))
    errors[30] = np.nan
    assert np.array_equal(moderate(errors, 28), errors, equal_nan=True)
    far = errors.copy()
    far[40:46, 3] = -80.0
    cut = moderate(far, 28)[:, 3]
    assert np.array_equal(cut[:40], errors[:40, 3], equal_nan=True)  # what comes later is not known
    assert np.all((cut[40:46] > -4.5) & (cut[40:46] < -1))
    # An hour, or a market, whose errors have grown for good is believed within the window.
    far[42:, 3] = -80.0
    assert moderate(far, 28)[-1, 3] == pytest.approx(-80.0)
    far[42:] = 80.0
    assert moderate(far, 28)[-1] == pytest.approx(80.0)


def test_an_hour_that_never_moved_has_an_interval_all_the_same() -> None:
    still = np.full((60, 24), 80.0)
    quantiles = walk_intervals(still, np.zeros_like(still), still)[FEWEST:]
    assert np.all(np.diff(quantiles, axis=1) > 0)
    assert np.all((quantiles[:, 0] < 80) & (quantiles[:, -1] > 80))
    assert (quantiles[:, -1] - quantiles[:, 0]).max() < 0.1
    moved = still.copy()
    moved[40, 5] = 81.0
    quantiles = walk_intervals(still, np.zeros_like(still), moved)[FEWEST:]
    assert np.all(quantiles[:, -1] - quantiles[:, 0] > 0.01)


def _volatile(days: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecasts whose errors are five times as large in some hours, and twice as large from half-way on."""
    random = np.random.default_rng(4)
    size = np.where(np.arange(24) < 6, 5.0, 1.0) * np.where(np.arange(days) < days / 2, 1.0, 2.0)[:, None]
    forecasts = random.normal(20, 20, (days, 24))
    return forecasts, np.ones((days, 24)), forecasts + size * random.standard_t(5, (days, 24))


def test_intervals_cover_what_they_say_though_errors_double() -> None:
    forecasts, spread, prices = _volatile(500)
    quantiles = walk_intervals(forecasts, spread, prices)
    low, high = quantiles[:, 0], quantiles[:, -1]
    for quarter in range(100, 500, 100):
        rows = slice(quarter, quarter + 100)
        assert 0.86 < np.mean((low[rows] <= prices[rows]) & (prices[rows] <= high[rows])) < 0.94
    assert np.mean((high - low)[300:, :6]) > 3 * np.mean((high - low)[300:, 6:])


def test_quantiles_rise_with_their_level_and_do_not_know_their_day() -> None:
    forecasts, spread, prices = _volatile(80)
    quantiles = walk_intervals(forecasts, spread, prices)
    assert quantiles.shape == (80, len(LEVELS), 24)
    assert np.isnan(quantiles[:FEWEST]).all()
    assert np.all(np.diff(quantiles[FEWEST:], axis=1) >= 0)
    spoilt = prices.copy()
    spoilt[60:] = np.nan
    assert np.array_equal(walk_intervals(forecasts, spread, spoilt)[:61], quantiles[:61], equal_nan=True)
    assert np.isfinite(walk_intervals(forecasts, spread, spoilt)[60:]).all()


def test_a_networks_steps_go_down_the_slope_of_its_error() -> None:
    """Beside differences of the error itself, weight by weight; a unit that is left out has no slope."""
    random = np.random.default_rng(3)
    seeds, days, width, hidden, periods = 2, 5, 4, 3, 2
    shapes = (seeds, width, hidden), (seeds, 1, hidden), (seeds, hidden, periods), (seeds, 1, periods)
    layers = Layers(*(random.normal(size=shape) for shape in shapes))
    x, y = random.normal(size=(seeds, days, width)), random.normal(size=(seeds, days, periods))
    trust, kept = random.uniform(0.5, 2, (seeds, days)), np.array([0.0, 2.0, 2.0]) * np.ones((seeds, days, 1))

    def error() -> float:
        units = np.maximum(x @ layers.inner + layers.inner_bias, 0) * kept
        off = np.abs(units @ layers.outer + layers.outer_bias - y)
        cost = np.where(off < 0.25, off**2 / 0.5, off - 0.125)  # Huber's
        return float(np.sum(cost.sum(axis=2) * trust) / days)

    for layer, slope in zip(layers.all(), layers.slopes(x, y, trust, kept), strict=True):
        for place in np.ndindex(layer.shape):
            here = float(layer[place])
            layer[place] = here + 1e-6
            above = error()
            layer[place] = here - 1e-6
            assert slope[place] == pytest.approx((above - error()) / 2e-6, abs=1e-5)
            layer[place] = here
