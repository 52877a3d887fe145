"""Delivery periods in UTC from a market's local time, through the days on which its clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workloads.kit import periods
from workloads.kit.contracts.resolutions import lengths
from workloads.kit.periods import NoSuchTime, Resolution

BERLIN, CHICAGO, EST = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Chicago"), ZoneInfo("EST")
HOUR, QUARTER, DAY = map(Resolution.parse, ("PT1H", "PT15M", "P1D"))

ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/Chicago",
    "Australia/Adelaide",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "EST",
)


@pytest.mark.parametrize(
    ("zone", "of", "hours"),
    [
        (BERLIN, date(2024, 3, 31), 23),
        (BERLIN, date(2024, 10, 27), 25),
        (BERLIN, date(2024, 6, 1), 24),
        (CHICAGO, date(2024, 3, 10), 23),
        (CHICAGO, date(2024, 11, 3), 25),
        (EST, date(2024, 11, 3), 24),
        (ZoneInfo("America/Sao_Paulo"), date(2018, 11, 4), 23),  # the clock skips midnight
        (ZoneInfo("Australia/Lord_Howe"), date(2024, 4, 7), 25),  # it goes back by half an hour
    ],
)
def test_a_day_has_as_many_periods_as_its_clock_gives_it(zone: ZoneInfo, of: date, hours: int) -> None:
    assert len(periods.day(of, HOUR, zone)) == hours
    if zone.key != "Australia/Lord_Howe":
        assert len(periods.day(of, QUARTER, zone)) == 4 * hours


@given(
    st.dates(date(1990, 1, 1), date(2037, 12, 30)), st.sampled_from(ZONES), st.sampled_from([HOUR, QUARTER])
)
def test_days_follow_each_other_without_a_gap_or_an_overlap(
    of: date, key: str, resolution: Resolution
) -> None:
    zone = ZoneInfo(key)
    today, tomorrow = (periods.day(of + timedelta(days=n), resolution, zone) for n in (0, 1))
    both = [*today, *tomorrow]
    assert all(end == start for (_, end), (start, _) in pairwise(both))
    assert DAY.end(today[0][0], zone) == tomorrow[0][0]
    assert all(start.astimezone(zone).date() == of for start, _ in today)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)), st.sampled_from(ZONES), st.booleans())
def test_a_local_time_comes_back_or_is_refused(local: datetime, key: str, second: bool) -> None:
    zone = ZoneInfo(key)
    try:
        instant = periods.instant(local, zone, second=second)
    except NoSuchTime:
        assert local not in {
            (
                datetime.combine(local.date(), datetime.min.time(), UTC)
                + timedelta(hours=h)
                + timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            )
            .astimezone(zone)
            .replace(tzinfo=None)
            for h in range(-26, 50)
        }
    else:
        assert instant.astimezone(zone).replace(tzinfo=None) == local


def test_a_time_that_is_skipped_or_stands_twice_is_refused_by_name() -> None:
    with pytest.raises(NoSuchTime, match=r"2024-03-31 02:30 does not exist in Europe/Berlin"):
        periods.instant(datetime(2024, 3, 31, 2, 30), BERLIN)
    with pytest.raises(NoSuchTime, match=r"2024-10-27 02:00 exists twice in Europe/Berlin.*repeated"):
        periods.instant(datetime(2024, 10, 27, 2), BERLIN)
    first, second = (
        periods.instant(datetime(2024, 10, 27, 2), BERLIN, second=flag) for flag in (False, True)
    )
    assert (first, second) == (
        datetime(2024, 10, 27, 0, tzinfo=UTC),
        datetime(2024, 10, 27, 1, tzinfo=UTC),
    )


def test_the_half_hour_of_a_day_is_in_it_and_is_no_position_of_an_hour() -> None:
    zone, of = ZoneInfo("Australia/Lord_Howe"), date(2024, 4, 7)
    start, end = periods.day(of, HOUR, zone)[-1]
    assert end - start == timedelta(minutes=30)
    with pytest.raises(NoSuchTime, match="24"):
        periods.position(of, 25, HOUR, zone)


def test_a_position_counts_through_the_clock_change() -> None:
    of = date(2024, 10, 27)
    starts = [periods.position(of, number, HOUR, BERLIN) for number in range(1, 26)]
    assert starts == [datetime(2024, 10, 26, 22, tzinfo=UTC) + timedelta(hours=n) for n in range(25)]
    with pytest.raises(NoSuchTime, match="it has 25 of PT1H"):
        periods.position(of, 26, HOUR, BERLIN)
    with pytest.raises(NoSuchTime, match=r"no period 24.*it has 23"):
        periods.position(date(2024, 3, 31), 24, HOUR, BERLIN)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("PT0S", "2024-01-15T10:00", "2024-01-15T10:00"),
        ("PT5M", "2024-01-15T10:00", "2024-01-15T10:05"),
        ("P1D", "2024-03-30T23:00", "2024-03-31T22:00"),  # a local day of 23 hours
        ("P1W", "2024-03-24T23:00", "2024-03-31T22:00"),
        ("P1M", "2024-01-31T23:00", "2024-02-29T23:00"),
        ("P3M", "2024-12-31T23:00", "2025-03-31T22:00"),
        ("P1Y", "2024-02-28T23:00", "2025-02-27T23:00"),  # the 29th of a year that has none
    ],
)
def test_a_period_ends_where_its_calendar_says(text: str, start: str, end: str) -> None:
    at, until = (datetime.fromisoformat(time).replace(tzinfo=UTC) for time in (start, end))
    assert Resolution.parse(text).end(at, BERLIN) == until


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(sorted(available_timezones())),
    st.sampled_from(["PT5M", "PT1H", "PT4H", "P1D", "P2D", "P1W", "P1M", "P3M", "P1Y"]),
)
@example(datetime(2011, 12, 24, 12, tzinfo=UTC), "Pacific/Apia", "P1W")
@example(datetime(2024, 3, 30, 23, tzinfo=UTC), "Antarctica/Troll", "P1D")
def test_a_message_may_have_each_period_that_a_zone_has(start: datetime, zone: str, text: str) -> None:
    shortest, longest = lengths(text)
    assert shortest <= Resolution.parse(text).end(start, ZoneInfo(zone)) - start <= longest


@given(
    st.dates(date(1980, 1, 1), date(2100, 1, 1)), st.sampled_from(ZONES), st.sampled_from([5, 30, 60, 240])
)
def test_a_message_may_have_each_period_of_a_day(of: date, zone: str, minutes: int) -> None:
    text = f"PT{minutes}M"
    shortest, longest = lengths(text)
    for start, end in periods.day(of, Resolution.parse(text), ZoneInfo(zone)):
        assert shortest <= end - start <= longest


@pytest.mark.parametrize(
    "text", ["", "hourly", "PT", "P1H", "PT1D", "1H", "P-1D", "PT15M30S", "P0D", "PT00H", "pt1h"]
)
def test_what_is_no_resolution_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="such as PT15M"):
        Resolution.parse(text)


def test_a_day_is_not_divided_by_days() -> None:
    with pytest.raises(ValueError, match="no periods within a day"):
        periods.day(date(2024, 1, 1), DAY, BERLIN)
