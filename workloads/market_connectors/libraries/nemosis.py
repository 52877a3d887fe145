"""Regions of Australia's national electricity market, from AEMO by nemosis.

The library is under the GPL-3.0: it is a program in an environment of its own (`nemosis/table.py`), which is
told by arguments and gives a table back, and is not imported here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from workloads.kit.contracts.markets import NEM_REGIONS
from workloads.kit.periods import Resolution, day
from workloads.kit.settings import Settings, load
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.libraries import program
from workloads.market_connectors.points import Days, Point, local_day

_PROGRAM: Final = Path(__file__).parents[1] / "nemosis" / "table.py"

_ARCHIVE, _DAILY = "TRADINGPRICE", "DAILY_REGION_SUMMARY"
"""A month's prices, which come weeks after it; and a day's, which is there for some two months."""

_MOMENT: Final = timedelta(microseconds=1)


class NemosisSettings(Settings):
    """Where the program runs."""

    nemosis_python: Path = Path("/opt/nemosis/bin/python")
    """Interpreter of its environment."""
    silence_max_seconds: float = 60
    """As for other markets: for which the server may say nothing to one question."""
    requests_per_second: float | None = None
    """As for other markets: instead of what the table says."""
    nemosis_seconds: float = 120
    """That one table may take."""


def read(feed: Feed, days: Days, key: str | None) -> list[Point]:  # noqa: ARG001  # it needs none
    """Points of a region: of the archive, and of the daily reports what it has not."""
    points = _table(feed, days, _ARCHIVE)
    lacking = [one for one in days.each if not _whole(feed, one, points)]
    if not lacking:
        return points
    known = {point.start for point in points}
    recent = _table(feed, Days(lacking[0], lacking[-1], days.zone), _DAILY)
    return sorted([*points, *(point for point in recent if point.start not in known)])


def _whole(feed: Feed, local: date, points: list[Point]) -> bool:
    starts = {point.start for point in points}
    resolution = Resolution.parse(feed.market.resolution_on(local))
    return all(start in starts for start, _ in day(local, resolution, feed.market.time_zone))


class _Answers:
    """What AEMO gave of a table and some days: its files hold all regions, so that one question is asked for
    all. Each region is given an answer once; that which asks for the same days again wants what is new."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, Days], dict[str, list[str]]] = {}

    def of(self, region: str, table: str, days: Days, ask: Callable[[], Iterable[str]]) -> list[str]:
        """The lines of a region, `end,price` each."""
        left = self._left.get((table, days))
        if left is None or region not in left:
            left = {name: [] for name in NEM_REGIONS}
            for line in ask():
                named, _, said = line.partition(",")
                if named in left:  # there was a sixth until 2008
                    left[named].append(said)
            self._left[table, days] = left
        return left.pop(region)


_ANSWERS: Final = _Answers()
"""Of this process, which is one run."""


def _table(feed: Feed, days: Days, table: str) -> list[Point]:
    lines = _ANSWERS.of(feed.market.place, table, days, partial(_ask, feed, days, table))
    return sorted(_point(feed, *line.split(",")) for line in lines)


def _ask(feed: Feed, days: Days, table: str) -> list[str]:
    settings, market = load(NemosisSettings), feed.market
    pause = 1 / (settings.requests_per_second or market.per_second)
    with tempfile.TemporaryDirectory() as directory:
        into = Path(directory)
        program.ask(
            market.hosts[0],
            [
                *(settings.nemosis_python, _PROGRAM, table, str(days.first), str(days.last)),
                *(into, str(settings.silence_max_seconds), str(pause)),
            ],
            into,
            settings.nemosis_seconds,
        )
        return (into / "prices.csv").read_text(encoding="utf-8").splitlines()[1:]


def _point(feed: Feed, named: str, price: str) -> Point:
    """AEMO names an interval by its end, in market time."""
    end = datetime.fromisoformat(named).replace(tzinfo=feed.market.time_zone).astimezone(UTC)
    of = local_day(end - _MOMENT, feed.market.time_zone)
    length = Resolution.parse(feed.market.resolution_on(of)).clock
    assert length is not None, "periods of a market are parts of a day"
    return Point(end - length, end, feed.market.symbol, float(price))
