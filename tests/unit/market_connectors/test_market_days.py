"""Which days are asked for, in which steps, and what of an answer is believed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit import periods
from workloads.kit.contracts.markets import MARKETS
from workloads.kit.periods import Resolution
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.points import Days, Point
from workloads.market_connectors.run import due, pressing
from workloads.market_connectors.settings import MarketSettings
from workloads.market_connectors.source import Closed, MarketSource, known_whole, whole
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.sources import Incomplete, SourceError

DE = Feed(MARKETS["DE-LU"])
GB = Feed(MARKETS["GB-INDEX"])
ZONE = DE.market.time_zone
MARCH, OCTOBER = date(2025, 3, 30), date(2025, 10, 26)
LATER = datetime(2026, 11, 1, tzinfo=UTC)
SETTINGS = MarketSettings(markets=("DE-LU",))


def points(day: date, length: str = "PT1H", of: str = DE.market.symbol) -> list[Point]:
    return [Point(start, end, of, 1.0) for start, end in periods.day(day, Resolution.parse(length), ZONE)]


@given(
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)), count=st.integers(0, 400), step=st.integers(1, 100)
)
def test_steps_are_all_of_the_days_once_and_in_order(first: date, count: int, step: int) -> None:
    whole_range = Days(first, first + timedelta(days=count), ZONE)
    steps = whole_range.split(step)
    assert [day for one in steps for day in one.each] == whole_range.each
    assert all(len(one.each) <= step for one in steps)
    assert [one.start for one in steps[1:]] == [one.end for one in steps[:-1]]


@pytest.mark.parametrize(("day", "length", "count"), [(MARCH, "PT1H", 23), (OCTOBER, "PT15M", 100)])
def test_a_day_of_another_length_is_whole_and_not_one_period_short_of_it(
    day: date, length: str, count: int
) -> None:
    found = points(day, length)
    assert len(found) == count
    assert whole(DE, Days(day, day, ZONE), found, LATER) == (found, [])
    _, missing = whole(DE, Days(day, day, ZONE), found[1:], LATER)
    assert missing == [f"{day} has {count - 1} of {count} periods"]


def test_the_last_number_of_an_answer_that_breaks_off_is_not_believed() -> None:
    """It may be half a number. One that is missing within a day takes nothing else away."""
    two = Days(MARCH, MARCH + timedelta(days=1), ZONE)
    found = [*points(MARCH), *points(two.last)[:13]]
    believed, missing = whole(DE, two, found, LATER)
    assert believed == found[:-1]
    assert missing == [f"{two.last} has 13 of 24 periods"]
    gap = [*points(MARCH), *points(two.last)[:5], *points(two.last)[6:]]
    assert whole(DE, two, gap, LATER)[0] == gap


def test_a_day_is_missing_once_it_is_late_and_not_before() -> None:
    day = Days(date(2025, 6, 2), date(2025, 6, 2), ZONE)
    at_noon = datetime(2025, 6, 1, 10, 57, tzinfo=UTC)
    assert DE.last_day(at_noon - timedelta(seconds=1)) == date(2025, 6, 1)
    assert DE.last_day(at_noon) == day.first
    assert whole(DE, day, [], at_noon) == ([], [])
    assert whole(DE, day, [], at_noon + timedelta(hours=3)) == ([], ["2025-06-02 is missing"])


def test_a_live_market_is_believed_as_it_is() -> None:
    some = points(MARCH, "PT30M", GB.market.symbol)[:7]
    assert whole(GB, Days(MARCH, MARCH, GB.market.time_zone), some, LATER) == (some, [])


def test_days_are_known_by_periods_of_one_length_each() -> None:
    days = Days(MARCH, MARCH + timedelta(days=1), ZONE)
    held = {(p.start, "PT1H") for p in points(MARCH)} | {
        (p.start, "PT15M") for p in points(days.last, "PT15M")
    }

    def has(_: str, start: datetime, resolution: str) -> bool:
        return (start, resolution) in held

    assert known_whole(DE, DE.series, has, days)
    held.remove((points(MARCH)[4].start, "PT1H"))
    assert not known_whole(DE, DE.series, has, days)
    assert not known_whole(GB, GB.series, lambda *_: True, days)


def test_what_is_due_begins_before_the_newest_and_ends_with_what_is_published() -> None:
    now = datetime(2025, 6, 1, 12, tzinfo=UTC)
    newest = datetime(2025, 6, 1, 21, 45, tzinfo=UTC)  # the last quarter of June 1st in Berlin
    assert due(DE, newest, SETTINGS, now) == Days(date(2025, 5, 29), date(2025, 6, 2), ZONE)
    assert due(DE, None, SETTINGS, now).first == date(2025, 5, 18)
    live = due(GB, now - timedelta(hours=2), SETTINGS, now)
    assert (live.first, live.last) == (date(2025, 5, 31), date(2025, 6, 1))


def test_a_run_that_stays_presses_for_what_is_just_being_published() -> None:
    before = datetime(2025, 6, 1, 21, 45, tzinfo=UTC)  # the last quarter of June 1st in Berlin
    auction = datetime(2025, 6, 1, 10, 57, tzinfo=UTC)
    assert not pressing(DE, before, SETTINGS, auction - timedelta(seconds=1))
    assert pressing(DE, before, SETTINGS, auction)
    assert pressing(DE, before, SETTINGS, auction + timedelta(minutes=60))
    # A day that is as late as that is looked for once a run.
    assert not pressing(DE, before, SETTINGS, auction + timedelta(minutes=61))
    assert not pressing(DE, before + timedelta(days=1), SETTINGS, auction)
    half = datetime(2025, 6, 1, 9, 30, tzinfo=UTC)
    assert not pressing(GB, half, SETTINGS, half + timedelta(minutes=59))
    assert pressing(GB, half, SETTINGS, half + timedelta(minutes=60))


def test_rows_are_prices_of_their_own_length_known_when_the_auction_was() -> None:
    answers = {MARCH: points(MARCH), OCTOBER: points(OCTOBER, "PT15M")}
    for day, found in answers.items():
        source = MarketSource(
            DE,
            Days(day, day, ZONE),
            lambda _f, _d, of=found: of,
            known=lambda _: False,
            now=LATER,
            workload="w",
        )
        prices = [check(row) for row in source.rows(None, None)]
        assert [(p.delivery_start, p.delivery_end) for p in prices] == [(p.start, p.end) for p in found]  # type: ignore[union-attr]
        before = datetime(day.year, day.month, day.day, tzinfo=ZONE) - timedelta(days=1)
        known = before.replace(hour=12, minute=57).astimezone(UTC)
        assert {p.published_at for p in prices} == {known}  # type: ignore[union-attr]


def read_with(bad: Callable[[date], Exception | None]) -> tuple[set[date], int, str]:
    """Days that gave rows of the first ten of June, how often was asked, and what was said at the end."""
    asked = 0

    def ask(_: Feed, days: Days) -> list[Point]:
        nonlocal asked
        asked += 1
        if (error := bad(days.first)) is not None:
            raise error
        hours = periods.day(days.first, Resolution.parse("PT1H"), days.zone)
        return [Point(start, end, feed.market.symbol, 1.0) for start, end in hours]

    feed = Feed(MARKETS["NYISO-NYC"])
    days = Days(date(2025, 6, 1), date(2025, 6, 10), feed.market.time_zone)
    source = MarketSource(feed, days, ask, known=lambda _: False, now=LATER, workload="w")
    came: set[date] = set()

    def read() -> None:
        for row in source.rows(None, None):
            assert isinstance(row.event_time, datetime)
            came.add(row.event_time.astimezone(days.zone).date())

    with pytest.raises(Incomplete) as said:
        read()
    return came, asked, str(said.value)


def test_a_day_that_cannot_be_read_holds_no_other_back() -> None:
    second = date(2025, 6, 2)
    came, asked, said = read_with(lambda day: SourceError("no such hour") if day == second else None)
    assert (len(came), second in came, asked, said) == (9, False, 10, "no such hour")


def test_a_market_that_is_away_or_lets_nobody_in_is_not_asked_on() -> None:
    first = date(2025, 6, 1)
    away = read_with(lambda day: SourceError(f"away on {day}") if day > first else None)
    assert away == ({first}, 4, "away on 2025-06-02, and 2 times more")
    shut = read_with(lambda day: Closed("it answered 401") if day > first else None)
    assert shut == ({first}, 2, "it answered 401")


def test_a_failure_comes_after_what_was_read_before_it_and_known_steps_are_not_asked_for() -> None:
    asked: list[date] = []

    def ask(_: Feed, days: Days) -> list[Point]:
        asked.append(days.first)
        return [] if days.first == date(2025, 6, 2) else points(days.first)

    feed = Feed(MARKETS["NYISO-NYC"])
    days = Days(date(2025, 6, 1), date(2025, 6, 4), feed.market.time_zone)
    source = MarketSource(
        feed, days, ask, known=lambda step: step.first == date(2025, 6, 3), now=LATER, workload="w"
    )
    rows = source.rows(None, None)
    with pytest.raises(Incomplete, match="2025-06-02 is missing"):
        list(rows)
    assert asked == [date(2025, 6, 1), date(2025, 6, 2), date(2025, 6, 4)]


def test_a_period_without_an_amount_is_not_there() -> None:
    """entsoe-py fills up what a document lacks, hours and whole days, with numbers that are none."""
    days = Days(date(2024, 1, 10), date(2024, 1, 12), ZONE)
    found = [point for day in days.each for point in points(day)]
    empty = [
        point._replace(amount=None) if n in range(5, 10) or n in range(24, 48) else point
        for n, point in enumerate(found)
    ]
    _, missing = whole(DE, days, empty, LATER)
    assert missing == ["2024-01-10 has 19 of 24 periods", "2024-01-11 is missing"]


WIND_SOLAR = Feed(MARKETS["DE-LU"], "wind-solar")


def _wind_solar(**last: date) -> list[Point]:
    """Quarters of each of these forecasts up to its last day, from 2026-01-14 on."""
    return [
        point
        for name, end in last.items()
        for day in (date(2026, 1, 14), date(2026, 1, 15))
        if day <= end
        for point in points(day, "PT15M", name.replace("_", "-"))
    ]


def test_a_forecast_that_lacks_a_series_is_not_whole() -> None:
    first, last = date(2026, 1, 14), date(2026, 1, 15)
    days = Days(first, last, ZONE)
    assert whole(WIND_SOLAR, days, _wind_solar(solar=last, wind_onshore=last), LATER)[1] == []
    found = _wind_solar(solar=first, wind_onshore=last)
    assert whole(WIND_SOLAR, days, found, LATER)[1] == ["2026-01-15 has 0 of 96 periods of solar"]
    found = _wind_solar(wind_onshore=last)
    assert len(whole(WIND_SOLAR, days, found, LATER)[1]) == 2
    # It may still come, as the whole day may.
    early = datetime(2026, 1, 14, 18, tzinfo=ZONE)
    assert whole(WIND_SOLAR, days, _wind_solar(solar=first, wind_onshore=last), early)[1] == []


def test_wind_at_sea_is_expected_from_where_it_was_first_seen() -> None:
    first, last = date(2026, 1, 14), date(2026, 1, 15)
    days = Days(first, last, ZONE)
    ashore = _wind_solar(solar=last, wind_onshore=last)
    began = [*ashore, *points(last, "PT15M", "wind-offshore")]
    assert whole(WIND_SOLAR, days, began, LATER)[1] == []
    ended = [*ashore, *points(first, "PT15M", "wind-offshore")]
    lacks = ["2026-01-15 has 0 of 96 periods of wind-offshore"]
    assert whole(WIND_SOLAR, days, ended, LATER)[1] == lacks
    newest = {WIND_SOLAR.series_of("wind-offshore"): points(first)[-1].start}
    assert whole(WIND_SOLAR, days, ashore, LATER, newest)[1] == [
        "2026-01-14 has 0 of 96 periods of wind-offshore",
        *lacks,
    ]


@pytest.mark.parametrize("name", ["PT", "IE-SEM", "FI", "EE", "LV", "LT", "BG", "GR", "RO", "DE-LU"])
def test_days_of_the_auction_are_its_own_and_not_those_of_a_zones_clock(name: str) -> None:
    feed, day = Feed(MARKETS[name]), date(2026, 1, 15)
    length = feed.market.resolution_on(day)
    brussels = ZoneInfo("Europe/Brussels")
    of_auction = [
        Point(start, end, feed.market.symbol, 1.0)
        for start, end in periods.day(day, Resolution.parse(length), brussels)
    ]
    source = MarketSource(
        *(feed, Days(day, day, feed.market.time_zone), lambda _f, _d: of_auction),
        known=lambda _: False,
        now=LATER,
        workload="w",
    )
    prices = [check(row) for row in source.rows(None, None)]
    assert len(prices) == len(of_auction)
    known = (
        datetime(2026, 1, 14, 13, tzinfo=UTC)
        if name == "IE-SEM"
        else datetime(2026, 1, 14, 11, 57, tzinfo=UTC)
    )
    assert {price.published_at for price in prices} == {known}  # type: ignore[union-attr]
