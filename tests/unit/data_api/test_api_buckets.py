"""Hours, days, weeks and months of a zone follow each other without gap, whatever its clock does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.data_api import buckets
from workloads.data_api.buckets import Every, Profile
from workloads.kit import markets
from workloads.kit.contracts.markets import MARKETS
from workloads.kit.markets import DEFAULT_PEAK, PEAKS, nerc_holiday, peak
from workloads.kit.periods import Resolution

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
# With a clock that moves at midnight, by half an hour, over the date line, and not at all.
ZONES = [
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/New_York",
    "Australia/Sydney",
    "America/St_Johns",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
]
EVERY: list[Every] = ["hour", "day", "week", "month"]
ANY = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
IN = st.sampled_from(ZONES).map(ZoneInfo)


@given(ANY, st.sampled_from(EVERY), IN)
def test_they_follow_each_other_and_begin_where_they_are_asked_for(
    start: datetime, every: Every, zone: ZoneInfo
) -> None:
    found = list(islice(buckets.starting(start, start + timedelta(days=800), every, zone), 60))
    assert len(found) >= 25
    assert found[0][0] >= start
    # The one before begins earlier than asked for: none is left out.
    reach = {"hour": HOUR, "day": 26 * HOUR, "week": 170 * HOUR, "month": 32 * 24 * HOUR}[every]
    assert found[0][0] - start <= reach + (24 * HOUR if zone.key == "Pacific/Apia" else timedelta(0))
    for (_, end), (following, _) in pairwise(found):
        assert end == following
    if every != "hour":
        for begin, _ in found:
            local = begin.astimezone(zone)
            assert (local - timedelta(minutes=1)).date() != local.date() or local.hour <= 1
            assert every != "week" or local.weekday() == 0
            assert every != "month" or local.day == 1


@given(ANY, st.sampled_from(EVERY), IN)
def test_an_end_is_where_the_next_question_begins(start: datetime, every: Every, zone: ZoneInfo) -> None:
    """Asked in two parts, nothing is lost and nothing comes twice."""
    end = start + timedelta(days=100)
    middle = start + timedelta(days=37, hours=5)
    whole = list(buckets.starting(start, end, every, zone))
    parts = [*buckets.starting(start, middle, every, zone), *buckets.starting(middle, end, every, zone)]
    assert whole == parts


@given(ANY, st.sampled_from(EVERY), IN)
def test_peak_and_off_peak_are_base(start: datetime, every: Every, zone: ZoneInfo) -> None:
    for span in islice(buckets.starting(start, start + timedelta(days=70), every, zone), 30):
        peaks, rest = (buckets.parts(span, profile, DEFAULT_PEAK, zone) for profile in ("peak", "off-peak"))
        together = sorted([*peaks, *rest])
        assert together[0][0] == span[0]
        assert together[-1][1] == span[1]
        for (_, end), (following, _) in pairwise(together):
            assert end == following
        for begin, stop in peaks:
            local = begin.astimezone(zone)
            assert local.weekday() < 5
            assert local.hour >= 8
            assert stop - begin <= 12 * HOUR


def test_a_day_that_was_skipped_has_no_hours() -> None:
    zone = ZoneInfo("Pacific/Apia")
    start, end = (datetime(2011, 12, day, 10, tzinfo=UTC) for day in (29, 31))
    days = list(buckets.starting(start, end, "day", zone))
    assert [(b - a) / HOUR for a, b in days] == [24, 0, 24]
    # Thursday the 29th, and Saturday: Friday's peak hours are nobody's.
    assert [len(buckets.parts(day, "peak", DEFAULT_PEAK, zone)) for day in days] == [1, 0, 0]


@given(ANY, st.sampled_from(EVERY), IN)
def test_each_instant_is_in_one_of_them(at: datetime, every: Every, zone: ZoneInfo) -> None:
    start, end = buckets.around(at, every, zone)
    assert start <= at < end
    assert buckets.around(start, every, zone) == (start, end)
    assert next(buckets.starting(start, end, every, zone)) == (start, end)


def hours(start: datetime, every: Every, profile: Profile) -> float:
    """Hours of the profile in the first span from `start`."""
    span = next(buckets.starting(start, start + timedelta(days=40), every, BERLIN))
    return sum((b - a) / HOUR for a, b in buckets.parts(span, profile, DEFAULT_PEAK, BERLIN))


@pytest.mark.parametrize(
    ("local", "every", "base", "peak_hours"),
    [
        (datetime(2026, 3, 29), "day", 23, 0),  # a Sunday
        (datetime(2026, 10, 25), "day", 25, 0),
        (datetime(2026, 3, 30), "day", 24, 12),
        (datetime(2026, 3, 23), "week", 167, 60),
        (datetime(2026, 10, 19), "week", 169, 60),
        (datetime(2026, 3, 1), "month", 743, 22 * 12),
        (datetime(2026, 10, 1), "month", 745, 22 * 12),
        (datetime(2026, 2, 1), "month", 672, 20 * 12),
    ],
)
def test_hours_of_clock_changes_in_germany(
    local: datetime, every: Every, base: float, peak_hours: float
) -> None:
    start = local.replace(tzinfo=BERLIN).astimezone(UTC)
    assert hours(start, every, "base") == base
    assert hours(start, every, "peak") == peak_hours
    assert hours(start, every, "off-peak") == base - peak_hours


@pytest.mark.parametrize(
    ("resolution", "every", "profile", "fits"),
    [
        ("PT15M", "hour", "peak", True),
        ("PT1H", "hour", "base", True),
        ("PT2H", "hour", "base", False),
        ("PT2H", "day", "base", True),
        ("PT4H", "day", "peak", False),
        ("PT45M", "hour", "base", False),
        ("PT45M", "day", "base", True),
        ("PT45M", "day", "peak", False),
        ("P2D", "week", "base", False),
        ("P1D", "day", "base", True),
        ("P1D", "day", "off-peak", False),
        ("P1D", "month", "base", True),
        ("P7D", "month", "base", False),
        ("P1W", "week", "base", True),
        ("P1M", "month", "base", True),
        ("P3M", "month", "base", False),
        ("P1M", "week", "base", False),
        ("PT0S", "day", "base", False),
    ],
)
def test_a_period_is_not_cut(resolution: str, every: Every, profile: Profile, fits: bool) -> None:
    assert buckets.divides(Resolution.parse(resolution), every, profile) is fits


def test_a_market_without_an_entry_has_the_usual_peak() -> None:
    assert peak("some-market") == peak(None) == DEFAULT_PEAK


def test_a_market_of_the_table_has_a_zone_and_north_america_its_own_peak() -> None:
    assert MARKETS.keys() <= markets.ZONES.keys()
    assert markets.ZONES["DE-LU"] == markets.ZONES["power"] == "Europe/Berlin"
    america = {name for name, market in MARKETS.items() if market.library == "gridstatus"}
    assert america <= PEAKS.keys()
    assert all(peak(name).end.hour - peak(name).start.hour == 16 for name in america)
    saturday, thanksgiving, friday = date(2026, 11, 28), date(2026, 11, 26), date(2026, 11, 27)
    assert [peak("CAISO-SP15").on(day) for day in (saturday, thanksgiving, friday)] == [True, False, True]
    assert [peak("NYISO-NYC").on(day) for day in (saturday, thanksgiving, friday)] == [False, False, True]
    assert [peak("DE-LU").on(day) for day in (saturday, thanksgiving, friday)] == [False, True, True]


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2022, ["01-01", "05-30", "07-04", "09-05", "11-24", "12-26"]),
        (2023, ["01-02", "05-29", "07-04", "09-04", "11-23", "12-25"]),
        (2026, ["01-01", "05-25", "07-04", "09-07", "11-26", "12-25"]),
        (2027, ["01-01", "05-31", "07-05", "09-06", "11-25", "12-25"]),
    ],
)
def test_the_days_that_north_america_counts_as_off_peak(year: int, days: list[str]) -> None:
    every = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
    assert [f"{day:%m-%d}" for day in every if nerc_holiday(day)] == days
