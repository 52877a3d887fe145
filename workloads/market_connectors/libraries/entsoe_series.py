"""Which of the time series in ENTSO-E's answers are believed, where several are of one period.

An answer may hold a day more than once: in hours and in quarters of an hour, of a second auction of the same
zone, or again as it was. entsoe-py's own calls lay all of them into one series, so that an hour's price
stands between quarters, or the prices of two auctions become one; here each series is read by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import structlog

from workloads.kit.periods import Resolution
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.points import Days, Point, local_day

_log = structlog.get_logger(__name__)

THE_AUCTION: Final = 1
"""Position in the sequence of auctions of the one that clears the zone's day; others follow it."""

LENGTHS: Final[Mapping[str, timedelta]] = {
    "15min": timedelta(minutes=15),
    "30min": timedelta(minutes=30),
    "60min": timedelta(hours=1),
}
"""As entsoe-py names them → lengths of periods that a market has."""


@dataclass(frozen=True, slots=True)
class Series:
    """One time series of an answer, of one length of period.

    Args:
        of: symbol, or name of an indicator.
        auction: its position in the sequence of the zone's auctions.
        amounts: start of a period, in UTC → number.
    """

    of: str
    auction: int
    length: timedelta
    amounts: Mapping[datetime, float]


@dataclass(frozen=True, slots=True)
class _Day:
    """A local day of what has one name."""

    name: str
    day: date


Held = dict[datetime, float]


def choose(feed: Feed, days: Days, found: Iterable[Series]) -> tuple[list[Point], list[str]]:
    """The points of these days that are believed, each period once; and what is refused, in words.

    Of prices, the length that the table has of the day goes before others, of forecasts the shortest; what
    is of another length stays for the periods that nothing else covers. Other auctions than the first are
    left out. Two numbers of one period are refused both: nothing in an answer says which one holds.
    """
    by_day: defaultdict[_Day, list[tuple[int, timedelta, Held]]] = defaultdict(list)
    for series in found:
        for day, amounts in _by_day(feed, days, series.amounts).items():
            by_day[_Day(series.of, day)].append((series.auction, series.length, amounts))
    points: list[Point] = []
    refused: list[str] = []
    for one, held in sorted(by_day.items(), key=lambda item: (item[0].day, item[0].name)):
        ours = [(length, amounts) for auction, length, amounts in held if auction == THE_AUCTION]
        others = sorted({auction for auction, *_ in held} - {THE_AUCTION})
        if not ours:
            refused.append(f"{one.day} came of auction {', '.join(map(str, others))} alone")
            continue
        merged, doubted = _merged(ours)
        if doubted:
            refused.append(f"{one.day} has two numbers of {doubted} periods{_named(feed, one)}")
        kept, left_out = _covering(feed, one, merged)
        if left_out or others:
            _log.info(
                "left_out",
                feed=feed.name,
                day=one.day.isoformat(),
                of=one.name,
                auctions=others,
                periods={str(length): count for length, count in left_out.items()},
            )
        points += kept
    return sorted(points), refused


def _by_day(feed: Feed, days: Days, amounts: Mapping[datetime, float]) -> dict[date, Held]:
    of: defaultdict[date, Held] = defaultdict(dict)
    for start, amount in amounts.items():
        if days.start <= start < days.end:
            of[local_day(start, feed.market.time_zone)][start] = amount
    return of


def _merged(held: Iterable[tuple[timedelta, Held]]) -> tuple[dict[timedelta, Held], int]:
    """Length → numbers that are said once, or alike each time; and how many periods have two."""
    merged: dict[timedelta, Held] = {}
    doubted: set[tuple[timedelta, datetime]] = set()
    for length, amounts in held:
        of = merged.setdefault(length, {})
        for start, amount in amounts.items():
            if of.setdefault(start, amount) != amount:
                doubted.add((length, start))
    for length, start in doubted:
        del merged[length][start]
    return merged, len(doubted)


def _covering(
    feed: Feed, one: _Day, merged: Mapping[timedelta, Held]
) -> tuple[list[Point], dict[timedelta, int]]:
    """No two points of one instant, of the lengths that go first; and how many of each are left out."""
    points: list[Point] = []
    left_out: dict[timedelta, int] = {}
    for length in _order(feed, one.day, merged):
        before = sorted((point.start, point.end) for point in points)
        for start, amount in sorted(merged[length].items()):
            if _free(start, start + length, before):
                points.append(Point(start, start + length, one.name, amount))
            else:
                left_out[length] = left_out.get(length, 0) + 1
    return points, left_out


def _order(feed: Feed, day: date, lengths: Iterable[timedelta]) -> list[timedelta]:
    table = Resolution.parse(feed.market.resolution_on(day)).clock
    return sorted(lengths, key=lambda length: (feed.of == "prices" and length != table, length))


def _free(start: datetime, end: datetime, taken: list[tuple[datetime, datetime]]) -> bool:
    return not any(begin < end and start < over for begin, over in taken)


def _named(feed: Feed, one: _Day) -> str:
    return "" if feed.of == "prices" else f" of {one.name}"
