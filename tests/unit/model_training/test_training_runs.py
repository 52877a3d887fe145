"""When a forecast is issued, and where a period stands in its day."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from workloads.kit.contracts.instruments import Instrument
from workloads.kit.power.days import Days
from workloads.model_training.runs import known, model
from workloads.model_training.runs.grid import Grid
from workloads.model_training.runs.known import Known, NotForecast

ZONES = ("Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
BERLIN = Instrument(symbol="DE", source="s", time_zone="Europe/Berlin")


def test_it_is_issued_before_the_gate_closes_in_the_markets_own_time() -> None:
    summer, winter = BERLIN.issue(date(2026, 7, 2)), BERLIN.issue(date(2026, 1, 2))
    assert summer == datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
    assert winter == datetime(2026, 1, 1, 10, 30, tzinfo=UTC)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.integers(0, 720),
)
@settings(deadline=None)
def test_what_is_due_is_the_last_issue_that_has_come(
    now: datetime, zone: str, hour: int, margin: int
) -> None:
    one = Instrument(
        symbol="X", source="s", time_zone=zone, gate_closure=f"{hour:02}:00", margin_minutes=margin
    )
    day, issued_at = one.newest(now)
    assert issued_at == one.issue(day) <= now < one.issue(day + timedelta(days=1))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"time_zone": "Mars/Olympus"}, "Europe/Berlin"),
        ({"time_zone": "../etc"}, "Europe/Berlin"),
        ({"gate_closure": "24:00"}, "12:00"),
        ({"gate_closure": "noon"}, "12:00"),
        ({"indicators": ["load", "load"]}, "name each once"),
        ({"indicators": ["Load"]}, "pattern"),
        ({"resolution": "P1D"}, "PT1H"),
        ({"kind": "oracle"}, "ensemble"),
        ({"symbol": "a/b"}, "pattern"),
        ({"zones": "DE"}, "not permitted"),
    ],
)
def test_a_wrong_instrument_is_refused_with_the_remedy(changed: dict[str, object], named: str) -> None:
    good = {"symbol": "DE", "source": "s", "time_zone": "Europe/Berlin"}
    with pytest.raises(ValidationError, match=named):
        Instrument.model_validate(good | changed)


@given(
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.sampled_from(ZONES),
    st.sampled_from(("PT1H", "PT30M", "PT15M")),
)
@settings(deadline=None)
def test_every_period_has_a_place_and_every_place_a_value(of: date, zone: str, resolution: str) -> None:
    grid = Grid(resolution, zone)
    periods = grid.periods(of)
    places = [grid.place(start) for start, _ in periods]
    assert all(0 <= place < grid.places for place in places)
    row = grid.row(of, {start: 5.0 for start, _ in periods})
    assert row.tolist() == [5.0] * grid.places
    assert np.isnan(grid.row(of, {})).all()


def test_an_hour_that_comes_twice_has_the_mean_and_one_that_is_skipped_the_hour_before() -> None:
    grid = Grid("PT1H", "Europe/Berlin")
    autumn, spring = date(2025, 10, 26), date(2025, 3, 30)
    twice = grid.row(autumn, {start: float(n) for n, (start, _) in enumerate(grid.periods(autumn))})
    assert twice[:5].tolist() == [0.0, 1.0, 2.5, 4.0, 5.0]
    skipped = grid.row(spring, {start: float(n) for n, (start, _) in enumerate(grid.periods(spring))})
    assert skipped[:5].tolist() == [0.0, 1.0, 1.0, 2.0, 3.0]


def test_of_an_indicator_whose_unit_changed_only_what_is_in_the_newest_one_counts() -> None:
    grid, dates = Grid("PT1H", BERLIN.time_zone), [date(2026, 5, day) for day in (1, 2, 3)]
    told = [
        (name, start, BERLIN.issue(of), value, unit)
        for of, unit, value in zip(dates, ("MW", "GW", "GW"), (50_000.0, 50.0, 51.0), strict=True)
        for name in ("load", "wind-solar")
        for start, _ in grid.periods(of)
    ]
    told += [("wind-solar", *row[1:4], "MW") for row in told if row[0] == "wind-solar"]

    def means(name: str) -> list[float]:
        return known._series(BERLIN, grid, dates, told, name, BERLIN.issue(dates[-1])).mean(axis=1).tolist()

    assert means("load") == pytest.approx([np.nan, 50.0, 51.0], nan_ok=True)
    assert means("wind-solar") == [50_000.0, 50.0, 51.0]


def test_a_past_day_knows_of_an_indicator_what_was_published_by_its_own_issue() -> None:
    """A later revision is known by now, and would teach that load tells more of prices than it does."""
    grid, dates = Grid("PT1H", BERLIN.time_zone), [date(2026, 5, day) for day in (1, 2, 3)]
    now = BERLIN.issue(dates[-1])
    told = [("load", start, BERLIN.issue(of), 50.0, "MW") for of in dates for start, _ in grid.periods(of)]
    late = BERLIN.issue(dates[0]) + timedelta(seconds=1)
    told += [("load", start, late, 90.0, "MW") for start, _ in grid.periods(dates[0])]
    found = known._series(BERLIN, grid, dates, told, "load", now)
    assert found.tolist() == [[50.0] * 24] * 3


def test_a_day_that_the_zone_skipped_has_no_values_and_no_forecast() -> None:
    grid, skipped = Grid("PT1H", "Pacific/Apia"), date(2011, 12, 30)
    assert np.isnan(grid.row(skipped, {datetime(2011, 12, 30, tzinfo=UTC): 5.0})).all()
    apia: Any = Instrument(symbol="X", source="s", time_zone="Pacific/Apia")
    nobody: Any = None
    with pytest.raises(NotForecast, match="Pacific/Apia had no 2011-12-30"):
        known.read(nobody, apia, skipped, apia.issue(skipped))


class Store:
    """The feature store with hourly prices of Berlin's days in these terms, and no indicators."""

    def __init__(self, dates: list[date], *changed: tuple[int, str]) -> None:
        grid = Grid("PT1H", BERLIN.time_zone)
        starts = [start for of in dates for start, _ in grid.periods(of)]
        currencies = ["EUR"] * len(starts)
        for count, currency in changed:
            currencies[-count:] = [currency] * count
        self.rows = [
            (start, start, 50.0, "power", "market", currency, "MWh")
            for start, currency in zip(starts, currencies, strict=True)
        ]

    def transaction(self) -> Any:
        return nullcontext()

    def execute(self, *_: Any) -> Any:
        return SimpleNamespace(fetchall=lambda: self.rows[::-1])


@pytest.mark.parametrize(
    ("changed", "currency", "days"),
    [([(1, "USD")], "EUR", 40), ([(99, "USD")], "EUR", 36), ([(120, "USD")], "USD", 5)],
)
def test_a_few_prices_in_another_currency_are_a_mistake_and_many_a_change(
    changed: list[tuple[int, str]], currency: str, days: int
) -> None:
    dates = [date(2026, 1, 1) + timedelta(days=n) for n in range(40)]
    conn: Any = Store(dates, *changed)
    delivery = dates[-1] + timedelta(days=1)
    found = known.read(conn, BERLIN, delivery, BERLIN.issue(delivery))
    assert found.newest.currency == currency
    assert int(np.isfinite(found.days.prices).any(axis=1).sum()) == days
    # What it lacks of the day before, where that is in the other one, is said.
    assert found.missing == ((f"prices of {dates[-1]}",) if currency == "EUR" else ())


def test_an_indicator_that_was_away_of_late_for_as_long_as_a_window_is_not_learned_from() -> None:
    values = np.ones((400, 24))
    assert known._teaches(values)
    for away, teaches in ((slice(320, 398), False), (slice(310, 366), False), (slice(365, 398), True)):
        gone = values.copy()
        gone[away] = np.nan
        assert known._teaches(gone) is teaches
    young = values.copy()
    young[:290] = np.nan
    assert not known._teaches(young)


def market(count: int, hole: slice) -> Known:
    """Prices of three periods a day that follow an indicator, but for those that are not there."""
    draw = np.random.default_rng(3)
    dates = np.datetime64("2025-01-01") + np.arange(count)
    load = draw.normal(50, 5, (count, 1, 3))
    prices = load[:, 0] + draw.normal(0, 1, (count, 3))
    prices[hole] = prices[-1] = np.nan
    found: Any = SimpleNamespace(days=Days(dates, prices, load), indicators=("load",))
    return found


def test_after_a_hole_of_weeks_it_is_forecast_once_there_is_enough_to_learn_from_again() -> None:
    found = market(320, slice(215, 255))
    made = model.make(found, "lear", {})
    assert np.isfinite(made.quantiles).all()
    assert np.abs(made.prediction - found.days.exogenous[-1, 0]).max() < 6
    # Nothing of before: that the days after it had nothing to learn from.
    dates = found.days.dates.tolist()
    assert dates[255 + 28] <= min(made.members) < dates[255 + 28 + 8]
    again = model.make(found, "lear", {of: one for of, one in made.members.items() if of < dates[-1]})
    assert set(again.members) == {dates[-1]}
    assert np.array_equal(again.prediction, made.prediction)


@pytest.mark.parametrize("hole", [(slice(250, 290), slice(None)), (slice(310, 319), 1)])
def test_where_too_much_of_late_is_missing_nothing_is_walked_for_no_forecast(
    monkeypatch: pytest.MonkeyPatch, hole: Any
) -> None:
    """It is tried again every ten minutes."""
    monkeypatch.setattr(model.day_ahead, "walk", lambda *_: pytest.fail("walked"))
    with pytest.raises(NotForecast, match="of late are missing"):
        model.make(market(320, hole), "lear", {})


def test_what_was_forecast_from_one_zones_indicators_teaches_nothing_about_anothers() -> None:
    berlin, london = BERLIN.time_zone, "Europe/London"
    assert model.inputs("lear", ["load"], "DE", berlin) != model.inputs("lear", ["load"], "FR", berlin)
    assert model.inputs("lear", [], "DE", berlin) == model.inputs("lear", [], "FR", berlin)
    # By other hours it is of other days.
    assert model.inputs("lear", [], "DE", berlin) != model.inputs("lear", [], "DE", london)


def test_prices_that_are_next_to_nothing_are_not_forecast_and_told() -> None:
    dates = np.arange(np.datetime64("2026-01-01"), np.datetime64("2026-06-01"))
    prices = np.random.default_rng(1).normal(1e-300, 1e-301, (len(dates), 24))
    days = Days(dates, prices, np.empty((len(dates), 0, 24)))
    found: Any = SimpleNamespace(days=days, indicators=())
    with pytest.raises(NotForecast, match="next to nothing"):
        model.make(found, "lear", {})
