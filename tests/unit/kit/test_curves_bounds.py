"""Bids and asks: those that do not bind change nothing, and of the rest the curve is the smoothest."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize as untyped_optimize  # pyright: ignore[reportMissingTypeStubs]

from workloads.kit.curves import least, qp
from workloads.kit.curves.build import Curve, build
from workloads.kit.curves.grid import Grid
from workloads.kit.curves.least import Infeasible, Unfinished, shortest
from workloads.kit.curves.quotes import Product, Profile, Quote
from workloads.kit.markets import peak
from workloads.kit.windows import Floats

BERLIN = ZoneInfo("Europe/Berlin")
POWER = peak("power")
PROFILES: tuple[Profile, ...] = ("base", "peak", "off-peak")
PERIODS = (
    *("2027-01", "2027-02", "2027-03", "2027-06", "2027-10", "2027-Q1", "2027-Q2", "2027-Q3", "2027-Q4"),
    *("2027", "2028", "2028-Q1", "2027-W05", "2027-W12", "2027-W43", "2027-03-28", "2027-11-02"),
)
SIXTY = Quote(period="2027-01", price=60)
STRIP = (Quote(period="2027", price=65), Quote(period="2028", price=62))
PAGE = (
    Quote(period="2027-01", price=82),
    Quote(period="2027-02", bid=77.5, ask=78.5),
    Quote(period="2027-Q1", price=74),
    Quote(period="2027-W05", price=83),
    Quote(period="2027", price=65),
)
"""Of docs/data-api.md, its base."""


def _one(profile: Profile = "base", period: str = "2027-01", **sides: float) -> Quote:
    return Quote(period=period, profile=profile, **sides)


def _built(*quotes: Quote) -> Curve:
    return build(quotes, BERLIN, POWER)


@pytest.mark.parametrize(
    "quotes",
    [
        (SIXTY, _one("off-peak", ask=61)),
        (SIXTY, _one("off-peak", ask=100)),
        (SIXTY, _one("off-peak", ask=200)),
        (SIXTY, _one("off-peak", ask=10_000)),
        (SIXTY, _one("peak", bid=-500)),
        (SIXTY, _one("peak", bid=50)),
        (_one("peak", price=60), _one(ask=100)),
        (_one("off-peak", price=60), _one(ask=100)),
        (SIXTY, _one(period="2028", ask=200)),
        (SIXTY, _one(period="2027", bid=55, ask=75)),
        (SIXTY, _one(period="2027", bid=50, ask=100)),
        (_one(bid=59, ask=60), _one(period="2027-02", bid=60, ask=61)),
        # Flat anywhere from 59 to 61.5, and nearest to 61 and 59.
        (_one(bid=59, ask=63), _one(period="2027-02", bid=56.5, ask=61.5)),
    ],
)
def test_a_flat_curve_within_the_bounds_is_flat(quotes: tuple[Quote, ...]) -> None:
    assert np.abs(_built(*quotes).prices - 60).max() < 1e-3


def test_a_bound_of_another_profile_leaves_the_curve_as_it_was() -> None:
    curve = _built(*PAGE)
    assert np.abs(_built(*PAGE, _one("off-peak", "2027", ask=300)).prices - curve.prices).max() < 1e-3


def test_a_far_bound_leaves_the_smoothest_curve() -> None:
    # A dense solution of the equations has 60.316 beyond what is quoted.
    below, above = _built(*STRIP, _one(period="2029", bid=40)), _built(*STRIP, _one(period="2029", ask=70))
    assert below.mean(Product(period="2029")) == pytest.approx(60.316, abs=1e-3)
    assert np.abs(above.prices - below.prices).max() < 1e-3
    assert _built(*STRIP, _one(period="2029", ask=60)).mean(Product(period="2029")) == pytest.approx(60)


def test_a_bound_that_binds_moves_what_it_is_of_and_no_more() -> None:
    bid = _one("peak", bid=70)
    curve = _built(SIXTY, bid)
    assert curve.mean(bid) == pytest.approx(70, abs=1e-4)
    assert np.abs(curve.daily() - 60).max() < 1e-4
    # What is known of peak hours stays; it is the others that cost more.
    bid = _one(bid=70)
    curve = _built(_one("peak", price=60), bid)
    assert curve.mean(bid) == pytest.approx(70, abs=1e-4)
    assert np.abs(curve.prices[curve.grid.peak] - 60).max() < 1e-4
    assert np.ptp(curve.prices[~curve.grid.peak]) < 1e-4


def test_what_is_bid_and_asked_of_peak_hours_is_met_in_the_middle() -> None:
    curve = _built(_one(bid=59, ask=61), _one("peak", bid=70, ask=91))
    assert curve.mean(Product(period="2027-01")) == pytest.approx(60, abs=1e-3)
    assert curve.mean(Product(period="2027-01", profile="peak")) == pytest.approx(80.5, abs=1e-3)


def test_what_peak_hours_cost_more_takes_no_part_of_the_levels_season() -> None:
    curve = _built(*PAGE, _one("peak", "2027-Q1", price=89))
    over = [
        curve.mean(Product(period=period, profile="peak")) - curve.mean(Product(period=period))
        for period in (f"2027-{month:02}" for month in range(1, 13))
    ]
    assert min(over) > 14
    assert max(over) < 18


@st.composite
def _quotes(draw: st.DrawFn, profiles: tuple[Profile, ...] = PROFILES) -> list[Quote]:
    """Overlapping quotes of one hidden curve: prices, and bids and asks around it, near or far."""
    grid = Grid.of(date(2027, 1, 1), date(2029, 1, 1), BERLIN, POWER)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    season = 70 + 20 * np.cos(2 * np.pi * grid.day / 365) + 12.0 * grid.peak
    hidden = Curve("", grid, season + rng.normal(0, draw(st.sampled_from([0, 5, 60])), len(season)))
    chosen = draw(st.lists(st.sampled_from(profiles), min_size=1, max_size=3, unique=True))
    quotes: dict[str, Quote] = {}
    for period in draw(st.lists(st.sampled_from(PERIODS), min_size=1, max_size=10, unique=True)):
        one = Product(period=period, profile=draw(st.sampled_from(chosen)))
        if not grid.within(*one.days, one.profile).any():
            continue
        price = hidden.mean(one)
        below, above = (draw(st.sampled_from([0.1, 2.0, 30.0, 4000.0])) for _ in range(2))
        sides: dict[str, float] = draw(
            st.sampled_from(
                [
                    {"price": price},
                    {"bid": price - below, "ask": price + above},
                    {"bid": price - below},
                    {"ask": price + above},
                ]
            )
        )
        quotes[one.name] = Quote(period=one.period, profile=one.profile, **sides)
    found = list(quotes.values())
    if not any(np.isfinite([one.low, one.high]).all() for one in found):
        whole = Product(period="2027", profile=chosen[0])
        found = [one for one in found if one.name != whole.name]
        found.append(Quote(period="2027", profile=chosen[0], price=hidden.mean(whole)))
    return found


@settings(max_examples=60, deadline=None)
@given(
    _quotes(),
    st.lists(
        st.tuples(
            st.sampled_from(PERIODS),
            st.sampled_from(PROFILES),
            st.booleans(),
            st.sampled_from([0.001, 1.0, 50.0, 10_000.0]),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda one: one[:2],
    ),
)
@example([SIXTY], [("2027-01", "off-peak", False, 40.0)])
@example(list(PAGE), [("2027", "off-peak", False, 235.0), ("2027-03", "peak", True, 5.0)])
@example([*STRIP], [("2028-Q1", "base", True, 5.0)])
def test_bounds_that_the_curve_keeps_change_nothing(
    quotes: list[Quote], more: list[tuple[str, Profile, bool, float]]
) -> None:
    curve = _built(*quotes)
    for one in quotes:
        assert one.low - 1e-4 < curve.mean(one) < one.high + 1e-4
    taken = {one.name for one in quotes}
    kept: list[Quote] = []
    for period, profile, below, gap in more:
        product = Product(period=period, profile=profile)
        try:
            mean = curve.mean(product)
        except ValueError:  # beyond the curve, or it has no hours
            continue
        if product.name not in taken:
            sides = {"bid": mean - gap} if below else {"ask": mean + gap}
            kept.append(Quote(period=period, profile=profile, **sides))
    assert np.abs(_built(*quotes, *kept).prices - curve.prices).max() < 1e-3


@settings(max_examples=60, deadline=None)
@given(_quotes(profiles=("base",)))
@example([SIXTY, _one(period="2028", ask=200)])
@example([*STRIP, _one(period="2029", bid=40)])
@example([SIXTY, _one(period="2027-02", bid=50, ask=52), _one(period="2027", bid=58)])
def test_there_is_no_smoother_curve(quotes: list[Quote]) -> None:
    """Its differences are held by the bounds that it meets, each pulling inwards (Karush, Kuhn, Tucker)."""
    curve = _built(*quotes)
    levels = curve.daily()
    differences = np.append(np.diff(levels, 2), -np.diff(levels)[-1:])
    pulls: list[Floats] = []
    for one in quotes:
        mean = curve.mean(one)
        hours = np.bincount(curve.grid.day[curve.hours(one)], minlength=len(levels)).astype(float)
        bend = np.cumsum(np.cumsum(hours[:-1])) / hours.sum() / len(levels) ** 1.5
        pull = np.append(bend, 1.0)  # the last: none is left over to move the curve as a whole
        pulls += [pull] * (mean < one.low + 1e-5) + [-pull] * (mean > one.high - 1e-5)
    size = float(np.linalg.norm(differences))
    if not pulls:
        assert size < 1e-8
        return
    _, left = untyped_optimize.nnls(np.array(pulls).T, np.append(differences, 0.0) / max(size, 1e-8))
    assert left < 1e-4 or size < 1e-8


def test_what_nothing_meets_and_what_was_not_found_are_not_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, low, high = np.array([[1.0, 0], [0, 1], [1, 1]]), np.array([1.0, 1, -9]), np.array([2.0, 2, 1])
    with pytest.raises(Infeasible):
        shortest(rows, low, high)
    high[2] = 2.5
    assert shortest(rows, low, high) == pytest.approx([1, 1])
    monkeypatch.setattr(least, "_ROUNDS", 0)
    with pytest.raises(Unfinished, match=r"no curve was found .*: leave out"):
        _built(SIXTY)


def test_a_solver_that_stopped_short_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qp, "_TOLERANCE", 1e-30)
    quotes = [SIXTY, _one(period="2027-02", price=50), _one(period="2027-03", price=40)]
    with pytest.raises(Unfinished, match=r"no curve was found .*: leave out"):
        build([*quotes, _one(period="2027-Q1", price=70)], BERLIN, POWER, least_squares=True)
