"""Each rule by itself: what it speaks of, and what it leaves alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import FACTS, HOUR, LIMITS
from workloads.data_quality.rules import bounds, gap, unit
from workloads.data_quality.rules.drift import LIMIT, PageHinkley
from workloads.data_quality.rules.finding import Finding, Point
from workloads.data_quality.rules.late import Late
from workloads.data_quality.rules.revision import KEPT, LEAST, Seen
from workloads.data_quality.rules.stale import DORMANT, GRACE, Rhythm, overdue
from workloads.data_quality.rules.stuck import RESTING_RUN, RUN, Stuck
from workloads.data_quality.series import Facts, SeriesWatch
from workloads.kit.periods import Resolution

START = datetime(2026, 1, 5, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def point(hour: int, value: float, *, known: float = 0.0, correction: bool = False) -> Point:
    start = START + hour * HOUR
    return Point(start, start + HOUR, START + timedelta(hours=known), value, correction)


def rules(findings: list[Finding]) -> list[str]:
    return [one.rule for one in findings]


@pytest.mark.parametrize(
    ("value", "impossible"),
    [(-500, False), (4000, False), (0, False), (-221.99, False), (-500.01, True), (4000.01, True)],
)
def test_a_limit_itself_is_a_price_and_what_is_beyond_is_none(value: float, impossible: bool) -> None:
    found = bounds.outside(point(0, value), LIMITS)
    assert (found is not None) == impossible
    if found is not None:
        assert (found.low, found.high) == (-500, 4000)


def test_again_is_a_duplicate_and_another_value_or_a_correction_is_not() -> None:
    seen = Seen()
    assert seen.take(point(0, 5)) == "new"
    assert seen.take(point(0, 5)) == "duplicate"
    assert seen.take(point(0, 5, known=2)) == "duplicate"
    assert seen.take(point(0, 6, known=3, correction=True)) == "revision"
    assert seen.take(point(0, 6, known=4, correction=True)) == "revision"
    assert seen.take(point(0, 5, known=3)) == "revision"  # an older one: what holds stays
    assert seen.take(point(0, 6, known=4)) == "duplicate"


def test_what_was_seen_is_kept_for_so_long_and_no_more_than_twice_that() -> None:
    seen = Seen()
    for hour in range(24 * 400):
        at = point(hour, hour)
        assert seen.take(at) == "new"
        seen.forget(at.start)
    last = 24 * 400 - 1
    assert seen.take(point(last - 24 * KEPT.days, last - 24 * KEPT.days)) == "duplicate"
    assert len(seen._held) <= 2 * 24 * KEPT.days + LEAST


@pytest.mark.parametrize(
    ("resolution", "missing", "rows"),
    [
        ("PT1H", timedelta(0), 0),
        ("PT1H", timedelta(minutes=30), 0),
        ("PT1H", timedelta(hours=3), 3),
        ("PT15M", timedelta(minutes=15), 1),
        ("P1D", timedelta(days=2), 0),  # a week-end
        ("P1D", timedelta(days=9), 9),
        ("P1M", timedelta(0), 0),
        ("P1M", timedelta(days=31), 1),
        ("P1M", timedelta(days=92), 2),
        ("P1W", timedelta(days=14), 2),
        ("PT0S", timedelta(days=400), 0),
    ],
)
def test_a_gap_is_what_the_calendar_has(resolution: str, missing: timedelta, rows: int) -> None:
    found = gap.gap(Resolution.parse(resolution), START, START + missing)
    assert (0 if found is None else found.rows) == rows


def test_a_run_is_told_of_once_and_zero_may_rest() -> None:
    stuck = Stuck(frozenset())
    found = [stuck.take(point(hour, 7.5)) for hour in range(3 * RUN)]
    assert [at for at, one in enumerate(found) if one is not None] == [RUN - 1]
    assert found[RUN - 1].start == START  # type: ignore[union-attr]  # it is there, as said before
    zero = Stuck(frozenset())
    quiet = [zero.take(point(hour, 0.0)) for hour in range(RESTING_RUN)]
    assert [at for at, one in enumerate(quiet) if one is not None] == [RESTING_RUN - 1]


@pytest.mark.parametrize(
    ("value", "step", "values"),
    [
        (7.5, timedelta(hours=1), 5),
        (7.5, timedelta(minutes=15), 20),
        (7.5, timedelta(hours=4), 5),
        (7.5, timedelta(days=1), 5),
        (0.0, timedelta(minutes=15), 96),
        (0.0, timedelta(days=1), 24),
    ],
)
def test_a_run_is_too_long_by_number_and_by_hours(value: float, step: timedelta, values: int) -> None:
    stuck = Stuck(frozenset())
    found = [
        stuck.take(Point(START + n * step, START + (n + 1) * step, START, value)) for n in range(3 * values)
    ]
    assert [at + 1 for at, one in enumerate(found) if one is not None] == [values]
    told = found[values - 1]
    assert told is not None
    assert (told.rows, told.end) == (values, START + values * step)


def test_solar_may_be_zero_for_ever_and_not_stay_at_any_other_value() -> None:
    stuck = Stuck(frozenset(), still=frozenset((0.0,)))
    assert [stuck.take(point(hour, 0.0)) for hour in range(24 * 60)] == [None] * 24 * 60
    assert any(stuck.take(point(24 * 60 + hour, 300.0)) for hour in range(RUN))


def test_late_is_beyond_what_is_usual_and_told_once_a_day() -> None:
    late = Late()
    day = START
    assert late.take(point(0, 1, known=100), day, day) is None  # nothing is usual yet
    for minutes in range(20):
        late.end_of_day(timedelta(hours=-11, minutes=minutes % 5))
    assert late.take(point(0, 1, known=-9.5), day, day) is None
    found = late.take(point(0, 1, known=-5), day, day)
    assert found is not None
    assert found.rule == "late"
    assert late.take(point(1, 1, known=-5), day, day) is None


def test_page_hinkley_alarms_at_the_least_sum_that_it_should() -> None:
    """Of a jump by z the sum rises by z - 1 a day: worked out by hand."""
    test = PageHinkley()
    assert all(test.take(0.0) is None for _ in range(100))
    days = next(day for day in range(1, 100) if test.take(3.0) is not None)
    assert days == math.floor(LIMIT / 2) + 1
    assert test.take(3.0) is None, "it starts anew"


@pytest.mark.parametrize(
    ("value", "factor"),
    [(700.0, 10.0), (7.1, 0.1), (0.069, 0.001), (140.0, None), (68.0, None), (-70.0, None)],
)
def test_a_single_value_is_in_another_unit_where_it_is_a_power_of_ten_away(
    value: float, factor: float | None
) -> None:
    found = unit.single(value, [70.0 + at % 3 for at in range(20)])
    assert found == (None if factor is None else pytest.approx(factor))


def test_the_smallest_value_there_is_is_judged_as_any_other() -> None:
    assert unit.single(5e-324, [70.0] * 20) is None


def test_a_series_that_swings_by_itself_is_not_judged_by_single_values() -> None:
    assert unit.single(700.0, [7.0, 70.0] * 10) is None


def test_a_series_is_overdue_when_its_next_publication_did_not_come_and_ended_when_it_never_does() -> None:
    rhythm = Rhythm(Resolution.parse("PT1H"))
    assert rhythm.due() is None
    for day in range(10):
        published = START + timedelta(days=day)
        rhythm.take(published, published + timedelta(minutes=10))
        rhythm.take(published, published + timedelta(minutes=11))  # the day's other hours
    due = START + timedelta(days=10, minutes=10) + GRACE
    assert rhythm.due() == due
    assert overdue(due, due) is None
    assert overdue(due, due + HOUR) == HOUR
    assert overdue(due, due + DORMANT + HOUR) is None


def test_an_auction_that_is_published_an_hour_later_by_utc_when_clocks_go_back_is_not_overdue() -> None:
    rhythm = Rhythm(Resolution.parse("PT15M"))
    for day in range(20):
        published = (datetime(2026, 10, 15, 12, 57) + timedelta(days=day)).replace(tzinfo=BERLIN)
        arrived = published.astimezone(UTC) + timedelta(minutes=2 + 8 * (day % 7) / 6)
        assert overdue(rhythm.due(), arrived) is None
        rhythm.take(published.astimezone(UTC), arrived)


def test_a_series_that_was_only_ever_loaded_is_not_waited_for() -> None:
    rhythm = Rhythm(Resolution.parse("P1D"))
    for day in range(100):
        rhythm.take(START + timedelta(days=day), START + timedelta(days=1000))
    assert rhythm.due() is None


@pytest.mark.parametrize(("day", "hours"), [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25)])
def test_a_day_of_23_or_25_hours_is_whole_without_a_gap_and_with_a_missing_hour_has_one(
    day: datetime, hours: int
) -> None:
    facts = Facts(Resolution.parse("PT1H"), BERLIN, LIMITS, ahead=True, timed=True)
    start = (day - timedelta(days=2)).replace(tzinfo=BERLIN).astimezone(UTC)
    count = 24 + 24 + hours + 24 * 2
    whole = SeriesWatch(facts)
    values = [Point(start + n * HOUR, start + (n + 1) * HOUR, start, 40.0 + n % 7) for n in range(count)]
    assert [finding for one in values for finding in whole.take(one)] == []
    short = SeriesWatch(facts)
    missing = 50  # within the day of the clock change
    found = [f for n, one in enumerate(values) if n != missing for f in short.take(one)]
    assert [(one.rule, one.start) for one in found] == [("gap", values[missing].start)]


ANY = st.floats(min_value=-1e12, max_value=1e12)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(ANY, st.integers(0, 200), st.integers(-50, 50), st.booleans()), max_size=300),
    st.sampled_from(("PT0S", "PT1S", "PT7M", "PT15M", "PT1H", "PT6H", "P1D", "P1W", "P1M", "P1Y")),
    st.booleans(),
)
def test_whatever_comes_in_whatever_order_is_taken_and_each_finding_is_of_a_period(
    values: list[tuple[float, int, int, bool]], resolution: str, timed: bool
) -> None:
    parsed = Resolution.parse(resolution)
    series = SeriesWatch(Facts(parsed, BERLIN, LIMITS, ahead=False, timed=timed))
    for value, hour, known, correction in values:
        start = START + hour * HOUR
        one = Point(start, parsed.end(start, BERLIN), start + known * HOUR, value, correction)
        for finding in series.take(one):
            assert finding.start <= finding.end
            assert finding.rows >= 1
            assert finding.evidence
            assert finding.expected
            assert finding.remedy


@pytest.mark.parametrize("hours", [0, 1, 3])
def test_days_without_any_wind_are_no_slip_of_the_unit(hours: int) -> None:
    draw = np.random.default_rng(hours)
    values = draw.gamma(2.0, 500.0, 24 * 40)
    values[24 * 30 :].reshape(-1, 24)[:, hours:] = 0.0
    series = SeriesWatch(FACTS)
    found = [f for hour, value in enumerate(values) for f in series.take(point(hour, value, known=-12))]
    assert "unit" not in rules(found)


@pytest.mark.parametrize("whole", [False, True])
def test_of_days_of_noise_few_are_told_as_of_another_unit_or_turned_over(whole: bool) -> None:
    """Four days say little of how wide days are: what is usual has to know that."""
    told = 0
    for seed in range(30):
        series, values = SeriesWatch(FACTS), np.random.default_rng(seed).normal(scale=2.0, size=24 * 60)
        for hour, value in enumerate((np.round(values) if whole else values).tolist()):
            told += len({"unit", "sign"} & set(rules(series.take(point(hour, value, known=-12)))))
    assert told <= 0.005 * 30 * 60


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-3, 3).map(float), min_size=24 * 40, max_size=24 * 40))
def test_zeros_and_small_numbers_of_either_sign_are_no_fault_of_range_nor_missing_nor_twice(
    values: list[float],
) -> None:
    series = SeriesWatch(FACTS)
    found = [f for hour, value in enumerate(values) for f in series.take(point(hour, value, known=-12))]
    assert not {"range", "gap", "duplicate"} & set(rules(found))
