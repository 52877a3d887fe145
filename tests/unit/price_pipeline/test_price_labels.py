"""Which period, in UTC, a source's row means, and when its price was known: files as markets publish them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.price_pipeline.terms import GERMAN_HOURS
from workloads.kit import periods
from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import CsvSource
from workloads.kit.periods import Resolution
from workloads.price_pipeline.cells import read_price
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.labels import Seen
from workloads.price_pipeline.rows import Refused, Unobserved
from workloads.price_pipeline.sources import csv_file
from workloads.price_pipeline.sources.file import FileSource

Make = Callable[..., CsvSource]

POWER = dict(GERMAN_HOURS)
ERCOT = POWER | {"time_zone": "America/Chicago", "currency": "USD", "publication": {"day": -1, "at": "13:30"}}


def results(config: CsvSource) -> Iterator[Message | Refused | Unobserved]:
    seen = Seen()
    return (check(row, seen) for row in csv_file.read(config))


def read(config: CsvSource) -> list[Price]:
    found = list(results(config))
    assert not [one for one in found if not isinstance(one, Price)], found
    return [one for one in found if isinstance(one, Price)]


def refused(config: CsvSource) -> list[str]:
    return [one.reason for one in results(config) if isinstance(one, Refused)]


def test_tomorrows_quarter_is_known_since_todays_auction(csv_source: Make) -> None:
    (price,) = read(csv_source("date,price\n2025-11-27T13:15,-4.2\n", **POWER | {"resolution": "PT15M"}))

    assert (price.delivery_start, price.delivery_end) == (
        datetime(2025, 11, 27, 12, 15, tzinfo=UTC),
        datetime(2025, 11, 27, 12, 30, tzinfo=UTC),
    )
    assert (price.published_at, price.product) == (datetime(2025, 11, 26, 11, 57, tzinfo=UTC), "day-ahead")
    assert (price.price, price.resolution) == (-4.2, "PT15M")


def test_local_times_are_in_the_sources_zone_in_summer_and_winter(csv_source: Make) -> None:
    lines = "date,price\n2024-07-01 13:00,1\n2024-12-01 13:00,2\n2024-12-01T13:00+01:00,3\n"
    assert [price.delivery_start.hour for price in read(csv_source(lines, **POWER))] == [11, 12, 12]
    # MISO keeps Eastern standard time all year.
    est = POWER | {"time_zone": "EST"}
    assert [price.delivery_start.hour for price in read(csv_source(lines, **est))] == [18, 18, 12]


def test_the_repeated_hour_of_autumn_is_refused_unless_order_or_a_flag_tells(csv_source: Make) -> None:
    lines = "date,price,again\n2024-10-27 01:00,40,N\n2024-10-27 02:00,41,N\n2024-10-27 02:00,39,Y\n"
    lines += "2024-10-27 03:00,38,N\n"
    hours = [datetime(2024, 10, 26, 23, tzinfo=UTC) + timedelta(hours=n) for n in range(4)]

    without = refused(csv_source(lines, **POWER))
    assert len(without) == 2
    assert all("2024-10-27 02:00 exists twice in Europe/Berlin" in reason for reason in without)

    ordered = read(csv_source(lines, **POWER | {"repeated": "in_order"}))
    columns = {"event_time": "date", "prices": {"price": "WTI"}, "repeated": "again"}
    flagged = read(csv_source(lines, **POWER | {"columns": columns}))
    for prices in (ordered, flagged):
        assert [price.delivery_start for price in prices] == hours
        assert [price.price for price in prices] == [40, 41, 39, 38]


def test_a_third_row_of_a_repeated_hour_is_refused(csv_source: Make) -> None:
    lines = "date,price\n" + "2024-10-27 02:00,1\n" * 3
    config = csv_source(lines, **POWER | {"repeated": "in_order"})
    assert refused(config) == ["2024-10-27 02:00 is given again, and the clock shows it twice"]


def test_quarters_of_a_repeated_hour_are_in_order(csv_source: Make, clock: Callable[[], datetime]) -> None:
    quarters = [f"2024-10-27 02:{minute:02}" for minute in (0, 15, 30, 45)]
    lines = "date,price\n" + "".join(f"{quarter},1\n" for quarter in quarters * 2)
    terms = POWER | {"resolution": "PT15M", "repeated": "in_order", "ordered": True}
    rows = FileSource(csv_source(lines, **terms), clock).rows(None, None)
    seen = Seen()
    prices = [price for row in rows if isinstance(price := check(row, seen), Price)]
    assert [price.delivery_start for price in prices] == [
        datetime(2024, 10, 27, tzinfo=UTC) + timedelta(minutes=15 * number) for number in range(8)
    ]


def test_a_row_without_a_price_keeps_its_place_among_repeated_hours(csv_source: Make) -> None:
    lines = "date,price\n2024-10-27 02:00,\n2024-10-27 02:00,39\n"
    config = csv_source(lines, **POWER | {"repeated": "in_order"})
    unobserved, price = results(config)
    assert isinstance(unobserved, Unobserved)
    assert isinstance(price, Price)
    assert price.delivery_start == datetime(2024, 10, 27, 1, tzinfo=UTC)


def test_quarters_that_are_said_to_be_hours_are_refused(csv_source: Make) -> None:
    lines = "date,price\n" + "".join(f"2025-10-01 {n // 4:02}:{n % 4 * 15:02},{n}\n" for n in range(8))
    config = csv_source(lines, **POWER)
    assert [p.delivery_start.minute for p in results(config) if isinstance(p, Price)] == [0, 0]
    reasons = refused(config)
    assert len(reasons) == 6
    assert all("`resolution_from`" in reason for reason in reasons)


def test_a_stray_period_costs_those_that_it_overlaps_and_no_others(csv_source: Make) -> None:
    lines = "date,price\n2025-10-01 00:07,1\n" + "".join(f"2025-10-01 {n:02}:00,1\n" for n in range(1, 24))
    config = csv_source(lines, **POWER)
    assert len(refused(config)) == 1
    assert len([one for one in results(config) if isinstance(one, Price)]) == 23


@pytest.mark.parametrize("symbol", [["WTI"], {"a": 1}, 7, None])
@pytest.mark.parametrize("in_order", [True, False])
def test_a_cell_that_is_no_symbol_is_refused_as_any_other(
    csv_source: Make, symbol: object, in_order: bool
) -> None:
    time = "02:00" if in_order else "03:00"
    (row,) = csv_file.read(csv_source(f"date,price\n2024-10-27 {time},1\n", **POWER))
    found = check(replace(row, terms=replace(row.terms, in_order=in_order), symbol=symbol), Seen())
    assert isinstance(found, Refused)
    assert found.error == "schema"


def test_a_price_that_was_published_in_the_repeated_hour_was_known_after_it(csv_source: Make) -> None:
    columns = {"event_time": "date", "prices": {"price": "WTI"}, "published_at": "told"}
    lines = "date,price,told\n2025-10-26T00:00Z,5,2025-10-26 02:20\n2025-03-30T00:00Z,5,2025-03-30 02:20\n"
    changed = POWER | {"columns": columns, "publication": None, "product": "real-time"}
    config = csv_source(lines, **changed)
    known = [p.published_at for p in results(config) if isinstance(p, Price)]
    assert known == [datetime(2025, 10, 26, 1, 20, tzinfo=UTC)]
    assert refused(config) == ["2025-03-30 02:20 does not exist in Europe/Berlin: the clock skips it"]


def test_the_hour_that_spring_skips_is_refused_by_name(csv_source: Make) -> None:
    config = csv_source("date,price\n2024-03-31 02:30,5\n", **POWER)
    assert refused(config) == ["2024-03-31 02:30 does not exist in Europe/Berlin: the clock skips it"]


def hours_of(**more: object) -> dict[str, object]:
    return {"columns": {"event_time": "d", "hour": "he", "prices": {"p": "N"}}, **more}


def test_a_days_hours_by_their_end_and_a_flag_come_out_whole(csv_source: Make) -> None:
    """ERCOT: date and hour ending in two columns, the repeated hour flagged."""
    lines = "d,he,p,dst\n" + "".join(f"11/03/2024,{he:02}:00,{he},N\n" for he in range(1, 25))
    lines = lines.replace("11/03/2024,02:00,2,N\n", "11/03/2024,02:00,2,N\n11/03/2024,02:00,99,Y\n")
    columns = {"event_time": "d", "hour": "he", "prices": {"p": "HB_NORTH"}, "repeated": "dst"}
    prices = read(
        csv_source(lines, **ERCOT | {"columns": columns, "labels": "hour_ending", "time_format": "%m/%d/%Y"})
    )

    expected = periods.day(date(2024, 11, 3), Resolution.parse("PT1H"), ZoneInfo("America/Chicago"))
    assert [(price.delivery_start, price.delivery_end) for price in prices] == list(expected)
    assert [price.price for price in prices][:4] == [1, 2, 99, 3]


def test_hours_marked_a_and_b_are_the_two_of_them(csv_source: Make) -> None:
    lines = "d,he,p\n" + "".join(f"2024-10-27,{he},{n}\n" for n, he in enumerate(["1", "2", "3A", "3B", "4"]))
    config = csv_source(lines, **POWER | hours_of(labels="hour_ending"))
    starts = [price.delivery_start for price in read(config)]
    assert starts == [datetime(2024, 10, 26, 22, tzinfo=UTC) + timedelta(hours=n) for n in range(5)]


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-01", 24)])
@pytest.mark.parametrize(("resolution", "each"), [("PT1H", 1), ("PT15M", 4)])
def test_periods_numbered_through_the_day_come_out_whole(
    csv_source: Make, day: str, hours: int, resolution: str, each: int
) -> None:
    lines = "d,he,p\n" + "".join(f"{day},{n},{n}\n" for n in range(1, hours * each + 1))
    config = csv_source(lines, **POWER | hours_of(labels="position") | {"resolution": resolution})
    prices = read(config)

    zone = ZoneInfo("Europe/Berlin")
    expected = periods.day(date.fromisoformat(day), Resolution.parse(resolution), zone)
    assert [(price.delivery_start, price.delivery_end) for price in prices] == list(expected)
    assert len(prices) == hours * each
    one_more = f"d,he,p\n{day},{hours * each + 1},1\n"
    terms = POWER | hours_of(labels="position") | {"resolution": resolution}
    more = csv_source(one_more, **terms)
    assert f"it has {hours * each}" in refused(more)[0]


def test_hour_25_is_refused_where_hours_are_labels_of_the_clock(csv_source: Make) -> None:
    config = csv_source(
        "d,he,p\n2024-10-27,25,1\n2024-10-28,0,1\n2024-10-28,x,1\n",
        **POWER | hours_of(labels="hour_ending"),
    )
    first, second, third = refused(config)
    assert "labels: position" in first
    assert "'0' is not within 1 and 24" in second
    assert "hour 'x' is no number of an hour" in third


def test_a_second_one_of_a_time_that_the_clock_shows_once_is_refused(csv_source: Make) -> None:
    """Markets list hours 3A and 3B of every day; and a flag of summer time would turn the two of autumn."""
    lines = "d,he,p\n2024-06-01,3A,5\n2024-06-01,3B,0\n2024-06-02,3B,\n"
    found = list(results(csv_source(lines, **POWER | hours_of(labels="hour_ending"))))
    assert [type(one) for one in found] == [Price, Refused, Unobserved]

    columns = {"event_time": "date", "prices": {"price": "N"}, "repeated": "summer"}
    lines = "date,price,summer\n2024-10-27 01:00,5,1\n2024-10-28 01:00,5,0\n"
    (reason,) = refused(csv_source(lines, **POWER | {"columns": columns}))
    assert "2024-10-27 01:00 is said to be the second, and Europe/Berlin has it once" in reason


@pytest.mark.parametrize(
    "hour", ["13", "13.0", "HE 13", "13:00", "013", 13, 13.0, Decimal(13), Decimal("13.0")]
)
def test_an_hour_is_read_however_a_file_or_a_database_writes_numbers(csv_source: Make, hour: object) -> None:
    (row,) = csv_file.read(csv_source("d,he,p\n2024-06-01,1,1\n", **POWER | hours_of(labels="hour_ending")))
    price = check(replace(row, hour=hour))
    assert isinstance(price, Price)
    assert price.delivery_start == datetime(2024, 6, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "hour", ["13.5", 13.5, Decimal("NaN"), Decimal("Infinity"), float("nan"), float("inf"), True]
)
def test_what_is_no_hour_is_refused(csv_source: Make, hour: object) -> None:
    (row,) = csv_file.read(csv_source("d,he,p\n2024-06-01,1,1\n", **POWER | hours_of(labels="hour_ending")))
    assert isinstance(check(replace(row, hour=hour)), Refused)


def test_a_date_with_an_offset_is_the_day_that_it_names_or_none(csv_source: Make) -> None:
    lines = "d,he,p\n2024-06-01T00:00:00Z,1,1\n2024-06-01T05:00:00Z,1,2\n2024-06-02T00:00:00-05:00,1,3\n"
    found = list(results(csv_source(lines, **ERCOT | hours_of(labels="hour_ending"))))
    first, *others = found
    assert isinstance(first, Refused)
    assert "'2024-06-01T00:00:00Z' is of another day in America/Chicago" in first.reason
    starts = [price.delivery_start for price in others if isinstance(price, Price)]
    assert starts == [datetime(2024, 6, day, 5, tzinfo=UTC) for day in (1, 2)]


def test_a_mark_of_the_clock_is_no_position(csv_source: Make) -> None:
    """Else 3A and 3B are both the third, and 4 is the second 02:00."""
    lines = "d,he,p\n2024-10-27,3A,1\n2024-10-27,3B,2\n"
    first, second = refused(csv_source(lines, **POWER | hours_of(labels="position")))
    assert first == "hour '3A' is of the clock, and labels: position counts through it"
    assert "'3B'" in second


def test_labels_of_the_end_name_the_period_before_them(csv_source: Make) -> None:
    lines = "date,price\n2024-06-01 01:00,1\n2024-06-01 24:00,2\n2024-06-02 00:00,3\n2024-06-01T12:00:00Z,4\n"
    prices = read(csv_source(lines, **POWER | {"labels": "end"}))
    assert [price.delivery_start for price in prices] == [
        datetime(2024, 5, 31, 22, tzinfo=UTC),
        datetime(2024, 6, 1, 21, tzinfo=UTC),
        datetime(2024, 6, 1, 21, tzinfo=UTC),
        datetime(2024, 6, 1, 11, tzinfo=UTC),
    ]
    assert all(price.delivery_end - price.delivery_start == timedelta(hours=1) for price in prices)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Chicago", "Australia/Sydney", "America/St_Johns"])
@pytest.mark.parametrize("resolution", ["PT1H", "PT30M", "PT15M"])
@pytest.mark.parametrize("clock", ["the clock's", "the start's and a period more"])
@pytest.mark.parametrize("told", ["by flag", "by order"])
def test_labels_of_the_end_come_out_whole_where_the_clock_changes(
    csv_source: Make, zone: str, resolution: str, clock: str, told: str
) -> None:
    length, local = Resolution.parse(resolution), ZoneInfo(zone)
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(366)]
    hour = Resolution.parse("PT1H")
    for changed in (of for of in days if len(periods.day(of, hour, local)) != 24):
        whole = (changed - timedelta(days=1), changed, changed + timedelta(days=1))
        starts = [start for of in whole for start, _ in periods.day(of, length, local)]
        lines = "date,price,again\n"
        for start in starts:
            end = length.end(start, local)
            by_clock = clock == "the clock's"
            named = (end if by_clock else start).astimezone(local)
            label = named if by_clock else named.replace(tzinfo=None) + (end - start)
            lines += f"{label:%Y-%m-%d %H:%M},1,{'Y' if named.fold else 'N'}\n"
        columns = {"event_time": "date", "prices": {"price": "N"}}
        terms = POWER | {"labels": "end", "time_zone": zone, "resolution": resolution}
        terms |= (
            {"columns": columns | {"repeated": "again"}}
            if told == "by flag"
            else {
                "columns": columns,
                "repeated": "in_order",
            }
        )
        assert [price.delivery_start for price in read(csv_source(lines, **terms))] == starts


def test_an_end_that_may_be_of_two_periods_is_refused_and_so_is_a_second_one_of_the_same(
    csv_source: Make,
) -> None:
    labels = ["01:45", "02:00", "02:15", "03:00", "03:15"]
    lines = "date,price\n" + "".join(f"2024-10-27 {label},1\n" for label in labels)
    found = list(results(csv_source(lines, **POWER | {"labels": "end", "resolution": "PT15M"})))
    assert [isinstance(one, Price) for one in found] == [True, False, False, False, True]

    config = csv_source("date,price\n2024-03-31 02:00,5\n2024-03-31 03:00,0\n", **POWER | {"labels": "end"})
    assert refused(config) == ["2024-03-31 03:00 ends the same period as 2024-03-31 02:00"]


def test_a_day_and_a_month_are_as_long_as_their_calendar(csv_source: Make) -> None:
    daily = read(csv_source("date,price\n2024-03-31,1\n", **POWER | {"resolution": "P1D"}))[0]
    assert daily.delivery_end - daily.delivery_start == timedelta(hours=23)
    monthly = read(csv_source("date,price\n2024-02-01,1\n", **POWER | {"resolution": "P1M"}))[0]
    assert monthly.delivery_end == datetime(2024, 2, 29, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Africa/Cairo", date(2024, 4, 26), 23),
        ("America/Havana", date(2024, 11, 3), 25),
        ("Asia/Beirut", date(2024, 3, 31), 23),
        ("Atlantic/Azores", date(2024, 10, 27), 25),
    ],
)
@pytest.mark.parametrize("labels", ["start", "end"])
def test_a_day_whose_midnight_the_clock_skips_or_repeats_is_a_day(
    csv_source: Make, zone: str, day: date, hours: int, labels: str
) -> None:
    terms = POWER | {"resolution": "P1D", "time_zone": zone, "labels": labels}
    written = [day + timedelta(days=n + (labels == "end")) for n in (-1, 0, 1)]
    before, changed, after = read(
        csv_source("date,price\n" + "".join(f"{of},1\n" for of in written), **terms)
    )
    assert changed.delivery_end - changed.delivery_start == timedelta(hours=hours)
    assert (before.delivery_end, changed.delivery_end) == (changed.delivery_start, after.delivery_start)


@pytest.mark.parametrize("written", ["20240302", "2024-W09-6", "2024-03-02"])
def test_a_date_however_written_has_the_time_of_day_of_its_source(csv_source: Make, written: str) -> None:
    terms = {"time_of_day": "16:00", "publication_lag": "PT1H", "time_zone": "America/New_York"}
    (price,) = read(csv_source(f"date,price\n{written},5\n", **terms))
    assert price.delivery_start == datetime(2024, 3, 2, 21, tzinfo=UTC)
    assert price.published_at == datetime(2024, 3, 2, 22, tzinfo=UTC)


def test_serials_of_a_sheet_are_local_times(csv_source: Make) -> None:
    quarters = [datetime(2024, 6, 1) + timedelta(minutes=15 * number) for number in range(96)]
    serials = [(quarter - datetime(1899, 12, 30)) / timedelta(days=1) for quarter in quarters]
    lines = "date,price\n" + "".join(f"{serial:.10f},1\n" for serial in serials)
    terms = POWER | {"resolution": "PT15M", "time_format": "excel_days"}
    starts = [price.delivery_start for price in read(csv_source(lines, **terms))]
    assert starts == [quarter.replace(tzinfo=UTC) - timedelta(hours=2) for quarter in quarters]

    daily = {"time_format": "excel_days", "time_of_day": "16:00"}
    (price,) = read(csv_source("date,price\n45444,1\n", **daily))
    assert price.delivery_start == datetime(2024, 6, 1, 16, tzinfo=UTC)
    assert len(refused(csv_source("date,price\nx,1\nnan,1\n1e9,1\n,1\n2024-06-01,1\n", **daily))) == 5


def test_a_price_that_nobody_dates_is_known_when_its_period_is_over(csv_source: Make) -> None:
    (price,) = read(csv_source("date,price\n2024-03-02,5\n"))
    assert price.published_at == price.delivery_end == datetime(2024, 3, 3, tzinfo=UTC)


def test_a_row_may_say_when_its_price_was_published_and_in_what(csv_source: Make) -> None:
    columns = {
        "event_time": "t", "published_at": "known", "symbol": "zone", "price": "p", "currency": "cur",
        "unit": "u",
    }  # fmt: skip
    terms = {key: value for key, value in POWER.items() if key != "publication"} | {"columns": columns}
    lines = "t,known,zone,p,cur,u\n2024-06-01 00:00,2024-05-31 12:57,PL,400,PLN,MWh\n"
    lines += "2024-06-01 00:00,2024-05-31T10:57:00Z,DE-LU,12,, \n2024-06-01 00:00,soon,FR,12,EUR,MWh\n"
    polish, german, bad = results(csv_source(lines, **terms))
    assert isinstance(polish, Price)
    assert isinstance(german, Price)
    assert isinstance(bad, Refused)
    assert (polish.currency, polish.published_at) == ("PLN", datetime(2024, 5, 31, 10, 57, tzinfo=UTC))
    assert (german.currency, german.unit) == ("EUR", "MWh")
    assert german.published_at == polish.published_at
    assert (bad.error, bad.reason) == ("published_at", "'soon' is not an ISO 8601 date or time")


@pytest.mark.parametrize("cell", ["currency", "unit"])
def test_a_row_without_its_own_where_the_source_states_none_is_refused(csv_source: Make, cell: str) -> None:
    stated = {key: value for key, value in POWER.items() if key != cell}
    columns = {"event_time": "t", "prices": {"p": "N"}, cell: "own"}
    own = {"currency": "PLN", "unit": "MWh"}[cell]
    lines = f"t,own,p\n2024-06-01 10:00,{own},5\n2024-06-01 11:00,,6\n"
    good, bad = results(csv_source(lines, **stated, columns=columns))
    assert isinstance(good, Price)
    assert getattr(good, cell) == own
    assert isinstance(bad, Refused)
    assert bad.error == cell
    assert (
        bad.reason
        == f"{cell} is empty and the source states none: give it `{cell}`, for rows without their own"
    )


@pytest.mark.parametrize(
    ("written", "form"),
    [("31.05.2024 12:57", "%d.%m.%Y %H:%M"), ("2024-05-31T12:57", "iso"), ("1717153020", "epoch_seconds")],
)
def test_a_publication_may_be_written_in_another_way_than_the_delivery(
    csv_source: Make, written: str, form: str
) -> None:
    columns = {"event_time": "day", "hour": "h", "published_at": "known", "prices": {"p": "N"}}
    terms = POWER | {"publication": None, "columns": columns, "labels": "hour_ending"}
    config = csv_source(
        f"day,h,known,p\n06/01/2024,1,{written},5\n", **terms, time_format="%m/%d/%Y", published_format=form
    )
    (price,) = read(config)
    assert price.delivery_start == datetime(2024, 5, 31, 22, tzinfo=UTC)
    assert price.published_at == datetime(2024, 5, 31, 10, 57, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2024-06-05", "20240605"])
def test_a_day_of_publication_is_over_before_its_price_is_known(csv_source: Make, written: str) -> None:
    columns = {"event_time": "t", "published_at": "known", "prices": {"p": "N"}}
    terms = POWER | {"product": "settlement", "publication": None, "columns": columns}
    (price,) = read(csv_source(f"t,known,p\n2024-06-01 10:00,{written},5\n", **terms))
    assert price.published_at == datetime(2024, 6, 5, 22, tzinfo=UTC) - timedelta(microseconds=1)


def test_a_settlement_is_published_days_after_its_delivery(csv_source: Make) -> None:
    terms = POWER | {"product": "settlement", "publication": {"day": 5, "at": "17:00"}}
    (price,) = read(csv_source("date,price\n2024-06-01 10:00,5\n", **terms))
    assert price.published_at == datetime(2024, 6, 6, 15, tzinfo=UTC)


def test_a_publication_at_a_time_that_the_clock_skips_or_repeats_is_at_the_later_one(
    csv_source: Make,
) -> None:
    terms = POWER | {"product": "settlement", "publication": {"day": 1, "at": "02:30"}}
    spring, autumn = read(csv_source("date,price\n2024-03-30 10:00,5\n2024-10-26 10:00,5\n", **terms))
    assert spring.published_at == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    assert autumn.published_at == datetime(2024, 10, 27, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("decimal", "thousands", "text", "price"),
    [
        (",", ".", "45,30", 45.3),
        (",", ".", "1.250,00", 1250),
        (",", ".", "1.250", 1250),
        (",", ".", "-1.234.567,8", -1234567.8),
        (",", "", "1250,5", 1250.5),
        (".", ",", "1,250.00", 1250),
        (".", "'", "1'250.5", 1250.5),
        (",", " ", "1 250,5", 1250.5),
        (",", " ", "1\u00a0250,5", 1250.5),
        (",", " ", "1\u202f250\u202f000", 1250000),
        (".", "'", "1\u2019250.5", 1250.5),
        (".", "", "1.250", 1.25),
    ],
)
def test_numbers_by_the_sources_marks(decimal: str, thousands: str, text: str, price: float) -> None:
    assert read_price(text, decimal, thousands) == price


@pytest.mark.parametrize(
    ("decimal", "thousands", "text"),
    [
        (",", ".", "45.3"),
        (",", ".", "1.25,0"),
        (",", ".", "12.34.567"),
        (".", ",", "1,25"),
        (",", "", "1.250"),
    ],
)
def test_digits_that_are_no_groups_of_three_are_no_number(decimal: str, thousands: str, text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        read_price(text, decimal, thousands)


@given(st.floats(-1e9, 1e9), st.sampled_from([(",", "."), (".", ","), (".", "'"), (",", " "), (".", "")]))
def test_a_number_written_with_marks_is_read_as_it_was(value: float, marks: tuple[str, str]) -> None:
    decimal, thousands = marks
    written = f"{value:,.3f}".replace(",", "T").replace(".", decimal).replace("T", thousands)
    assert read_price(written, decimal, thousands) == float(f"{value:.3f}")


def test_a_number_that_another_setting_would_read_names_it(csv_source: Make) -> None:
    config = csv_source("date;price\n2024-06-01;45,30\n2024-06-02;1.250\n", delimiter=";")
    assert refused(config) == [
        "'45,30' is not a number with decimal: '.'; it is with decimal: ',', thousands: '.'"
    ]
    right = csv_source("date;price\n2024-06-01;45,30\n2024-06-02;1.250\n", delimiter=";", decimal=",")
    assert [price.price for price in read(right)] == [45.3, 1250]


def test_marks_of_no_price_are_the_sources(csv_source: Make) -> None:
    lines = "date,price\n2024-06-01,N/A\n2024-06-02,-\n2024-06-03,5\n"
    assert len(refused(csv_source(lines))) == 2
    kinds = [type(one) for one in results(csv_source(lines, no_price=["", "N/A", "-"]))]
    assert kinds == [Unobserved, Unobserved, Price]


def test_what_withdraws_a_price_is_the_sources_own_mark(csv_source: Make) -> None:
    lines = "date,price\n2024-06-01,W\n2024-06-02,\n2024-06-03,5\n"
    assert [one.withdrawn for one in read(csv_source(lines, withdrawn=["W", ""]))] == ["source"] * 2 + [None]
    assert len(refused(csv_source(lines))) == 1
    # A number by what it says; and what a cell without one is in a sheet.
    lines = "date,price\n2024-06-01,-999.0\n2024-06-02,-99\n"
    assert [one.withdrawn for one in read(csv_source(lines, withdrawn=["-999"]))] == ["source", None]
    columns = {"event_time": "date", "status": "s", "prices": {"price": "WTI"}}
    lines = "date,price,s\n2024-06-01,4,A13\n2024-06-02,,\n2024-06-03,5,A05\n"
    found = list(results(csv_source(lines, withdrawn=["A13"], columns=columns)))
    assert [getattr(one, "withdrawn", "none there") for one in found] == ["source", "none there", None]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"columns": {"event_time": "d", "status": "s", "prices": {"p": "N"}}}, "withdrawn"),
        ({"time_zone": "Mitteleuropa"}, "time_zone.*IANA"),
        ({"time_zone": "../../etc/passwd"}, "time_zone.*IANA"),
        ({"resolution": "hourly"}, "PT15M"),
        ({"publication_lag": "PT1H"}, "give one"),
        ({"labels": "hour_ending"}, "columns.hour"),
        ({"columns": {"event_time": "d", "hour": "h", "prices": {"p": "N"}}}, "does not take"),
        (hours_of(labels="hour_ending") | {"resolution": "PT15M"}, "counts hours"),
        (hours_of(labels="position") | {"resolution": "P1D"}, "within a day"),
        ({"decimal": ",", "thousands": ","}, "both ','"),
        ({"product": "weekly"}, "product"),
        ({"publication": {"day": -1, "at": 777}}, "quotes"),
        ({"publication": {"day": -1, "at": "12:57Z"}}, "leave the offset out"),
        ({"time_format": "%Y-%m-%d %H:%M %Z"}, "%Z"),
        (
            {"repeated": "in_order", "columns": {"event_time": "d", "repeated": "r", "prices": {"p": "N"}}},
            "give one",
        ),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(
    csv_source: Make, changed: dict[str, object], named: str
) -> None:
    with pytest.raises(ValidationError, match=f"(?s){named}"):
        csv_source("d,p\n", **POWER | changed)


def test_a_market_goes_from_hours_to_quarters_under_one_symbol(csv_source: Make) -> None:
    changed = POWER | {"resolution_from": {"2025-10-01": "PT15M"}}
    day_before = "".join(f"2025-09-30 {hour:02}:00,{hour}\n" for hour in range(24))
    quarters = "".join(f"2025-10-01 {n // 4:02}:{n % 4 * 15:02},{n}\n" for n in range(96))
    prices = read(csv_source("date,price\n" + day_before + quarters, **changed))

    zone, days = ZoneInfo("Europe/Berlin"), (date(2025, 9, 30), date(2025, 10, 1))
    expected = [
        pair
        for day, text in zip(days, ("PT1H", "PT15M"), strict=True)
        for pair in periods.day(day, Resolution.parse(text), zone)
    ]
    assert [(price.delivery_start, price.delivery_end) for price in prices] == expected
    assert [price.resolution for price in prices] == ["PT1H"] * 24 + ["PT15M"] * 96
    assert {price.symbol for price in prices} == {"WTI"}

    ends = "date,price\n2025-10-01 00:00,1\n2025-10-01 00:15,2\n2025-09-30T22:15:00Z,3\n"
    by_end = read(csv_source(ends, **changed | {"labels": "end"}))
    assert [(price.resolution, price.delivery_start.minute) for price in by_end] == [
        ("PT1H", 0),
        ("PT15M", 0),
        ("PT15M", 0),
    ]
    assert refused(csv_source("date,price\nsoon,1\n", **changed)) == [
        "'soon' is not an ISO 8601 date or time"
    ]
