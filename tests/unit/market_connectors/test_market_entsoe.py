"""What of ENTSO-E's answers is taken for a price: its terms, and which of several series of one day holds."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit import periods
from workloads.kit.contracts.markets import MARKETS
from workloads.kit.periods import Resolution
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.libraries.entsoe_py import OtherTerms, require_terms
from workloads.market_connectors.libraries.entsoe_series import Series, choose
from workloads.market_connectors.points import Days, Point
from workloads.market_connectors.source import whole

PL = Feed(MARKETS["PL"])
ZONE = PL.market.time_zone
HOURS, QUARTERS = date(2025, 9, 30), date(2025, 10, 1)
"""The last day that the auction cleared in hours, and the first that it cleared in quarters."""
BOTH = Days(HOURS, QUARTERS, ZONE)


def element(currency: str, unit: str) -> ElementTree.Element:
    """As the library's reader gives it: names in lower case."""
    return ElementTree.fromstring(
        f"<timeseries><currency_unit.name>{currency}</currency_unit.name>\n"
        f"<price_measure_unit.name> {unit} </price_measure_unit.name></timeseries>"
    )


@pytest.mark.parametrize(
    ("currency", "unit", "said"),
    [
        ("PLN", "MWH", "PL came in PLN, and the table of markets has EUR"),
        ("EUR", "KWH", "PL came in KWH, and the table of markets has MWh"),
    ],
)
def test_another_currency_or_unit_is_refused_by_name(currency: str, unit: str, said: str) -> None:
    with pytest.raises(OtherTerms, match=said):
        require_terms(element(currency, unit), MARKETS["PL"])


def test_the_tables_own_terms_and_a_series_without_any_pass() -> None:
    require_terms(element("EUR", "MWH"), MARKETS["PL"])
    require_terms(ElementTree.fromstring("<timeseries></timeseries>"), MARKETS["PL"])


def series(day: date, length: str, amount: float, auction: int = 1) -> Series:
    resolution = Resolution.parse(length)
    assert resolution.clock is not None
    starts = [start for start, _ in periods.day(day, resolution, ZONE)]
    return Series(PL.market.symbol, auction, resolution.clock, dict.fromkeys(starts, amount))


def amounts(points: list[Point]) -> dict[tuple[str, float | None], int]:
    counted: dict[tuple[str, float | None], int] = {}
    for point in points:
        key = (str(point.end - point.start), point.amount)
        counted[key] = counted.get(key, 0) + 1
    return counted


@pytest.mark.parametrize(
    ("day", "kept"), [(HOURS, {("1:00:00", 60.0): 24}), (QUARTERS, {("0:15:00", 15.0): 96})]
)
def test_of_a_day_in_two_lengths_the_tables_is_kept_whole(
    day: date, kept: dict[tuple[str, float], int]
) -> None:
    both = [series(day, "PT1H", 60.0), series(day, "PT15M", 15.0)]
    for found in (both, both[::-1]):
        points, refused = choose(PL, BOTH, found)
        assert amounts(points) == kept
        assert refused == []


def test_a_day_that_came_in_another_length_alone_is_that_length() -> None:
    points, refused = choose(PL, BOTH, [series(HOURS, "PT15M", 15.0), series(QUARTERS, "PT1H", 60.0)])
    assert amounts(points) == {("0:15:00", 15.0): 96, ("1:00:00", 60.0): 24}
    assert refused == []


def test_what_the_quarters_lack_stays_in_hours_and_the_day_is_whole() -> None:
    quarters = series(QUARTERS, "PT15M", 15.0)
    some = dict(list(quarters.amounts.items())[:40])
    found = [
        Series(quarters.of, 1, quarters.length, some),
        series(QUARTERS, "PT1H", 60.0),
    ]
    days = Days(QUARTERS, QUARTERS, ZONE)
    points, refused = choose(PL, days, found)
    assert amounts(points) == {("0:15:00", 15.0): 40, ("1:00:00", 60.0): 14}
    assert refused == []
    assert whole(PL, days, points, datetime(2026, 1, 1, tzinfo=UTC)) == (points, [])


def test_another_auction_of_the_zone_is_no_price_of_the_coupled_one() -> None:
    second = series(HOURS, "PT1H", 2.0, auction=2)
    points, refused = choose(PL, BOTH, [second, series(HOURS, "PT1H", 1.0)])
    assert amounts(points) == {("1:00:00", 1.0): 24}
    assert refused == []
    assert choose(PL, BOTH, [second]) == ([], ["2025-09-30 came of auction 2 alone"])


def test_the_same_again_is_once_and_two_numbers_of_a_period_are_refused_both() -> None:
    one = series(HOURS, "PT1H", 1.0)
    points, refused = choose(PL, BOTH, [one, one])
    assert (amounts(points), refused) == ({("1:00:00", 1.0): 24}, [])
    first = min(one.amounts)
    other = Series(one.of, 1, one.length, {**one.amounts, first: 9.0})
    points, refused = choose(PL, BOTH, [one, other, one])
    assert amounts(points) == {("1:00:00", 1.0): 23}
    assert first not in {point.start for point in points}
    assert refused == ["2025-09-30 has two numbers of 1 periods"]


def test_of_days_that_were_not_asked_for_nothing_is_said() -> None:
    """Documents hold more than is asked for: tomorrow's first auction is not there yet, another one is."""
    early = series(QUARTERS, "PT15M", 2.0, auction=2)
    points, refused = choose(PL, Days(HOURS, HOURS, ZONE), [series(HOURS, "PT1H", 1.0), early])
    assert (amounts(points), refused) == ({("1:00:00", 1.0): 24}, [])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["PT15M", "PT30M", "PT1H"]), st.integers(0, 95), st.integers(1, 96), st.booleans()
        ),
        max_size=6,
    )
)
def test_whatever_comes_no_instant_has_two_prices_and_what_is_left_out_has_another(
    drawn: list[tuple[str, int, int, bool]],
) -> None:
    found: list[Series] = []
    for length, first, count, late in drawn:
        one = series(QUARTERS if late else HOURS, length, 5.0)
        kept = dict(list(one.amounts.items())[first : first + count])
        found.append(Series(one.of, 1, one.length, kept))
    points, refused = choose(PL, BOTH, found)
    assert refused == []
    for earlier, later in itertools.pairwise(points):
        assert earlier.end <= later.start
    # What is left out is left out for one that covers part of it.
    covered = {at for point in points for at in _quarters(point.start, point.end)}
    for one in found:
        for start in one.amounts:
            assert covered & set(_quarters(start, start + one.length))


def _quarters(start: datetime, end: datetime) -> list[datetime]:
    step = timedelta(minutes=15)
    return [start + n * step for n in range((end - start) // step)]
