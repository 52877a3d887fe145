"""Training rows: nothing that was not known at the row's own moment, and the label that followed."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prices import walk
from workloads.kit.db import Connection
from workloads.kit.features import FeatureSpec, features
from workloads.model_training.dataset import Dataset, build
from workloads.model_training.prices import ENOUGH, Revisions, read, revisions

Rows = tuple[str, str, str, str, str, int, int, float]

DAY = 86_400_000_000
SPEC = FeatureSpec(3, 6, (10,))
COUNT = 60


class Given(list[Rows]):
    """A connection whose only table has these rows."""

    def cursor(self, **_: Any) -> Any:
        return nullcontext(self)

    def execute(self, *_: Any) -> None: ...


def published(prices: dict[int, float], later: list[tuple[int, int, float]] | None = None) -> Revisions:
    """Prices of days, each available a day later, and `later` revisions (day, available on day, price)."""
    rows = [(day * DAY, (day + 1) * DAY, price) for day, price in prices.items()]
    return revisions([*rows, *((day * DAY, known * DAY, price) for day, known, price in later or [])])


def plain(count: int = COUNT) -> dict[int, float]:
    return dict(enumerate(walk(3, count).tolist()))


def row(data: Dataset, day: int) -> int:
    (place,) = np.flatnonzero(data.event == day * DAY)
    return int(place)


def test_rows_are_the_full_windows_with_a_next_session():
    data = build(published(plain()), SPEC)
    assert data.event.tolist() == [day * DAY for day in range(SPEC.size - 1, COUNT - 1)]
    prices = walk(3, COUNT)
    np.testing.assert_array_equal(data.x, features(prices, SPEC)[SPEC.size - 1 : -1])
    np.testing.assert_allclose(data.y, np.diff(np.log(prices))[SPEC.size - 1 :])
    assert data.label_available.tolist() == [(day + 2) * DAY for day in range(SPEC.size - 1, COUNT - 1)]


@pytest.mark.parametrize("count", [0, 1, SPEC.size])
def test_a_short_series_has_no_rows(count: int):
    assert len(build(published(plain(count)), SPEC)) == 0


def test_a_correction_is_not_seen_before_it_was_published():
    """Fails where `available_time` is ignored: day 30 became ten times as high, but only on day 40."""
    prices = plain()
    before = build(published(prices), SPEC)
    after = build(published(prices, [(30, 40, 10 * prices[30])]), SPEC)
    for day in range(SPEC.size - 1, 39):
        np.testing.assert_array_equal(after.x[row(after, day)], before.x[row(before, day)])
    # Day 39 came in on day 40, together with the correction, and its window reaches back to day 29.
    corrected = walk(3, COUNT)
    corrected[30] *= 10
    np.testing.assert_array_equal(after.x[row(after, 39)], features(corrected, SPEC)[39])
    assert not np.array_equal(after.x[row(after, 39)], before.x[row(before, 39)])


def test_a_late_session_is_not_in_the_windows_of_those_that_came_before_it():
    prices = plain()
    late = prices.pop(30)
    without = build(published(prices), SPEC)
    data = build(published(prices, [(30, 45, late)]), SPEC)
    for day in range(31, 44):
        np.testing.assert_array_equal(data.x[row(data, day)], without.x[row(without, day)])
    whole = features(walk(3, COUNT), SPEC)
    np.testing.assert_array_equal(data.x[row(data, 45)], whole[45])


def test_a_label_is_todays_truth_and_known_since_it_was_published():
    prices = plain()
    data = build(published(prices, [(31, 50, 2 * prices[31])]), SPEC)
    at = row(data, 30)
    assert data.y[at] == pytest.approx(np.log(2 * prices[31] / prices[30]))
    assert data.label_available[at] == 50 * DAY
    assert data.price[at] == prices[30]
    assert data.next_price[at] == 2 * prices[31]


def test_a_price_that_is_not_positive_is_neither_window_nor_label():
    prices = plain()
    prices[30] = -3.0
    data = build(published(prices), SPEC)
    days = (data.event // DAY).tolist()
    assert 29 not in days
    assert not set(range(30, 30 + SPEC.size)) & set(days)
    assert np.isfinite(data.x).all()
    assert np.isfinite(data.y).all()


def test_a_withdrawn_session_is_neither_row_nor_label_and_windows_reach_over_it_from_then_on():
    prices = plain()
    before = build(published(prices), SPEC)
    after = build(published(prices, [(30, 34, np.nan)]), SPEC)
    days = (after.event // DAY).tolist()
    assert set((before.event // DAY).tolist()) - set(days) == {29, 30}
    # Days 31 and 32 came in before it was withdrawn, with it in their windows; day 33 came in with that.
    for day in (31, 32):
        np.testing.assert_array_equal(after.x[row(after, day)], before.x[row(before, day)])
    without = build(published({day: price for day, price in prices.items() if day != 30}), SPEC)
    for day in range(33, COUNT - 1):
        np.testing.assert_array_equal(after.x[row(after, day)], without.x[row(without, day)])

    again = build(published(prices, [(30, 34, np.nan), (30, 50, prices[30])]), SPEC)
    assert again.event.tolist() == before.event.tolist()
    assert again.label_available[row(again, 29)] == 50 * DAY
    np.testing.assert_array_equal(again.x[row(again, 40)], without.x[row(without, 40)])


def test_a_session_that_was_never_more_than_withdrawn_is_none():
    prices = plain()
    del prices[30]
    without = build(published(prices), SPEC)
    data = build(published(prices, [(30, 31, np.nan)]), SPEC)
    for name in ("event", "x", "y", "label_available"):
        np.testing.assert_array_equal(getattr(data, name), getattr(without, name))


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 30), st.integers(0, 8)), st.floats(1, 100) | st.just(np.nan), max_size=40
    )
)
def test_rows_are_those_of_a_plain_reading(later: dict[tuple[int, int], float]):
    """Every revision looked at, one session after the other."""
    revised = {(day, day + 2 + delay): price for (day, delay), price in later.items()}
    every = {(day, day + 1): 50.0 + day % 7 for day in range(25)} | revised
    data = build(revisions([(day * DAY, known * DAY, price) for (day, known), price in every.items()]), SPEC)

    def as_of(known: int) -> dict[int, float]:
        said = {day: price for (day, at), price in sorted(every.items()) if at <= known}
        return {day: price for day, price in said.items() if not np.isnan(price)}

    first = {
        day: min(at for (of, at), price in every.items() if of == day and not np.isnan(price))
        for day in sorted({day for (day, _), price in every.items() if not np.isnan(price)})
    }
    today = as_of(10**6)
    expected: list[tuple[int, float, int]] = []
    for day, following in pairwise(first):
        window = [price for of, price in as_of(first[day]).items() if of <= day]
        if len(window) < SPEC.size or first[following] <= first[day] or not {day, following} <= set(today):
            continue
        np.testing.assert_array_equal(data.x[row(data, day)], features(np.array(window), SPEC)[-1])
        label = float(np.log(today[following]) - np.log(every[day, first[day]]))
        expected.append((day * DAY, label, max(at for of, at in every if of == following) * DAY))
    found = zip(data.event.tolist(), data.y.tolist(), data.label_available.tolist(), strict=True)
    assert list(found) == expected


def test_of_an_auction_only_the_last_hour_is_a_row():
    """What follows on the hours before it is known when they are: there is nothing to forecast."""
    hour = DAY // 24
    rows = [
        (at * hour, at // 24 * DAY - DAY // 2, price) for at, price in enumerate(walk(3, 24 * 4).tolist())
    ]
    data = build(revisions(rows), SPEC)
    assert data.event.tolist() == [day * DAY + 23 * hour for day in range(3)]
    assert (data.label_available > data.available).all()


def test_a_session_whose_next_one_was_known_is_no_row_even_if_that_was_corrected_later():
    prices = plain()
    late = prices.pop(30)
    data = build(published(prices, [(30, 45, late), (31, 50, prices[31])]), SPEC)
    assert 30 * DAY not in data.event
    assert 29 * DAY in data.event


@pytest.mark.parametrize("least", [5e-324, 1e-310, 1e-300])
def test_the_smallest_price_there_is_gives_finite_rows(least: float):
    data = build(published({**plain(), 40: least}), SPEC)
    assert np.isfinite(data.y).all()
    assert np.isfinite(data.x).all()
    assert data.y.min() < -600


def test_a_few_prices_under_other_terms_take_no_symbol_over():
    def rows(resolution: str, start: int, count: int) -> list[Rows]:
        return [
            ("S", "market", resolution, "EUR", "MWh", (start + n) * DAY, (start + n + 1) * DAY, 50.0 + n % 7)
            for n in range(count)
        ]

    def read_of(*given: list[Rows]) -> int:
        found = read(cast("Connection", Given([row for some in given for row in some])))
        return len(found["S", "real"].event)

    days = rows("P1D", 0, 600)
    assert read_of(days, rows("PT0S", 40_000, 1)) == 600
    assert read_of(days, rows("PT0S", 600, ENOUGH - 1)) == 600
    assert read_of(days, rows("PT0S", 600, ENOUGH)) == ENOUGH
    assert read_of(rows("P1D", 0, 5), rows("PT0S", 5, 3)) == 3

    def withdrawn(given: list[Rows]) -> list[Rows]:
        return [*given, *((*one[:6], one[6] + DAY, np.nan) for one in given)]

    # They were a mistake, and were withdrawn.
    assert read_of(days, withdrawn(rows("PT0S", 600, ENOUGH))) == 600
    assert read(cast("Connection", Given(withdrawn(rows("P1D", 0, 5))))) == {}
