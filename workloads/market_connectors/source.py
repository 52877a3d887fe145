"""A feed as a source of rows: which days are asked for, in which steps, and what of an answer is believed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from workloads.kit import periods
from workloads.kit.periods import Resolution
from workloads.market_connectors.feeds import GRACE, Feed
from workloads.market_connectors.points import Days, Partly, Point, local_day
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import Incomplete, SourceError

Ask = Callable[[Feed, Days], list[Point]]
"""A library's reader, with its key."""

_GIVES_UP: Final = 3
"""Failed questions in a row after which no other days are asked for: the market is away."""

_SHOWN: Final = 5
"""Days that a message names; all are counted."""


class Closed(SourceError):
    """The market lets nobody in for now: to ask for other days leads nowhere."""


class Missing(Incomplete):
    """The market answered, and has not all of it."""


class MarketSource:
    """The rows of one feed on some days, in order, in steps of as many days as one question spans. A step's
    rows are given before the next is asked for. Days that cannot be read are named at the end, and hold no
    others back.

    Args:
        known: says of a step whether all of it was published before: it is then not asked for.
        now: the run's time.
        workload: that reads it.
        newest: series → delivery start that the topic has of it last.
    """

    ordered = True

    def __init__(
        self,
        feed: Feed,
        days: Days,
        ask: Ask,
        *,
        known: Callable[[Days], bool],
        now: datetime,
        workload: str,
        newest: Mapping[str, datetime] | None = None,
    ) -> None:
        self._feed = feed
        self._days = days
        self._ask = ask
        self._known = known
        self._now = now
        self._workload = workload
        self._newest = newest or {}

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:  # noqa: ARG002
        """All rows of its days; the window looks at which of them are asked for."""
        missing: list[str] = []
        failed: list[Exception] = []
        in_a_row = 0
        for step in self._days.split(self._feed.market.days):
            if self._known(step):
                continue
            try:
                answer = self._ask(self._feed, step)
            except Partly as error:
                failed.append(error)
                answer = error.points
            except SourceError as error:
                failed.append(error)
                in_a_row += 1
                if isinstance(error, Closed) or in_a_row == _GIVES_UP:
                    break
                continue
            in_a_row = 0
            points = [point for point in answer if step.start <= point.start < step.end]
            points, short = whole(self._feed, step, points, self._now, self._newest)
            missing += short
            for point in sorted(points):
                yield self._row(point)
        if failed:
            more = f", and {len(failed) - 1} times more" if len(failed) > 1 else ""
            short = f". Beside that: {', '.join(missing[:_SHOWN])}" if missing else ""
            raise Incomplete(f"{failed[0]}{more}{short}") from failed[0]
        if missing:
            more = f" and {len(missing) - _SHOWN} days more" if len(missing) > _SHOWN else ""
            raise Missing(
                f"{self._feed.name} is not whole: {', '.join(missing[:_SHOWN])}{more}. What came is "
                "published; each run asks again for the days of its look-back, and --from and --to for others"
            )

    def _row(self, point: Point) -> RawRow:
        said = {"start": point.start.isoformat(), "end": point.end.isoformat(), point.of: point.amount}
        terms = self._feed.terms(_resolution(point), self._workload)
        return RawRow(terms, json.dumps(said).encode(), point.of, point.start, point.amount)


def whole(
    feed: Feed, step: Days, points: list[Point], now: datetime, newest: Mapping[str, datetime] | None = None
) -> tuple[list[Point], list[str]]:
    """The points that are believed, and what is missing: of each day that should be there by now, of each
    series that the feed has. A point without an amount is not there.

    Where the end of an answer is not that of a day, its last point may be half a number: it is left out, and
    comes with the rest of its day.

    Args:
        newest: series → delivery start that the topic has of it last.
    """
    if feed.publication is None:
        return points, []
    zone = feed.market.time_zone
    by_day: defaultdict[tuple[date, str], list[Point]] = defaultdict(list)
    for point in points:
        if point.amount is not None:
            by_day[local_day(point.start, zone), point.of].append(point)
    since = _since(feed, [point for of_day in by_day.values() for point in of_day], newest or {})
    due, missing = feed.last_day(now, late=GRACE), list[str]()
    for day in step.each:
        of_day = {name: by_day[day, name] for name, first in sorted(since.items()) if first <= day}
        if not any(of_day.values()):
            missing += [f"{day} is missing"] if day <= due else []
            continue
        for name, found in of_day.items():
            there, expected = _counts(feed, day, found)
            if there < expected and (found or day <= due):
                missing.append(f"{day} has {there} of {expected} periods{_named(feed, name)}")
    if not points:
        return [], missing
    last = max(points)
    day = local_day(last.start, zone)
    there, expected = _counts(feed, day, by_day[day, last.of])
    cut_off = last.end < Days(day, day, zone).end and there < expected
    return [point for point in points if point != last] if cut_off else points, missing


def known_whole(
    feed: Feed, of: Collection[str], has: Callable[[str, datetime, str], bool], days: Days
) -> bool:
    """Whether all periods of these days were published, of one length or another each day.

    Args:
        of: series that it is to have.
        has: whether there is something of (series, start, resolution).
    """
    if feed.publication is None:
        return False
    return all(
        any(
            all(has(series, start, text) for start, _ in periods.day(day, Resolution.parse(text), days.zone))
            for text in ("PT5M", "PT15M", "PT30M", "PT1H")
        )
        for day in days.each
        for series in of
    )


def _since(feed: Feed, points: list[Point], newest: Mapping[str, datetime]) -> dict[str, date]:
    """Name → local day from which on it is expected. What a zone may lack is, from where it is first seen."""
    zone = feed.market.time_zone
    since = dict.fromkeys(feed.required, date.min)
    for name in feed.names:
        seen = [point.start for point in points if point.of == name]
        seen += [newest[series] for series in (feed.series_of(name),) if series in newest]
        if seen:
            since.setdefault(name, local_day(min(seen), zone))
    return since


def _counts(feed: Feed, day: date, found: list[Point]) -> tuple[int, int]:
    """How many periods of a day are there and how many it has, of the shortest length that is there."""
    text = feed.market.resolution_on(day)
    length = min((point.end - point.start for point in found), default=Resolution.parse(text).clock)
    assert length is not None, "periods of a market are parts of a day"
    days = Days(day, day, feed.market.time_zone)
    covered = sum((end - start for start, end in {point[:2] for point in found}), timedelta(0))
    return covered // length, -((days.start - days.end) // length)


def _named(feed: Feed, name: str) -> str:
    return "" if feed.of == "prices" else f" of {name}"


def _resolution(point: Point) -> Resolution:
    minutes = (point.end - point.start) // timedelta(minutes=1)
    return Resolution.parse("PT1H" if minutes == 60 else f"PT{minutes}M")
