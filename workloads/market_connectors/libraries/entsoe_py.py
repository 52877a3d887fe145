"""Bidding zones of Europe, from ENTSO-E's transparency platform by entsoe-py."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from workloads.kit.contracts.market import Market
from workloads.kit.periods import Resolution
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.libraries import load
from workloads.market_connectors.points import Days, Point, local_day

_INDICATORS = {
    "Forecasted Load": "load",
    "Solar": "solar",
    "Wind Onshore": "wind-onshore",
    "Wind Offshore": "wind-offshore",
}
"""Columns of the library's frames → names of indicators."""

_TERM: Final = re.compile(r"<(currency_Unit|price_Measure_Unit)\.name>\s*([^<]*?)\s*</\1\.name>")


class OtherTerms(Exception):
    """Prices came in another currency, or of another unit, than the table of markets has."""


def require_terms(document: str, market: Market) -> None:
    """OtherTerms where a document of prices is not in the table's: the library gives numbers alone."""
    wanted = {"currency_Unit": market.currency, "price_Measure_Unit": market.unit}
    for what, said in _TERM.findall(document):
        if said.upper() != wanted[what].upper():
            raise OtherTerms(
                f"{market.name} came in {said}, and the table of markets has {wanted[what]}: "
                "nothing of the answer is published"
            )


def read(feed: Feed, days: Days, key: str | None) -> list[Point]:
    """Points of a bidding zone: prices of the coupled auction, or a forecast of the day before."""
    entsoe, pandas = load("entsoe"), load("pandas")
    # Failed connections are tried again by `transport`, for all libraries alike.
    client = entsoe.EntsoePandasClient(api_key=key, retry_count=1, retry_delay=0, timeout=60)
    code = feed.market.code
    client.session.hooks["response"].append(lambda given, **_: require_terms(given.text, feed.market))
    # The library's ends are inclusive.
    span = {
        "start": pandas.Timestamp(days.start),
        "end": pandas.Timestamp(days.end) - pandas.Timedelta(minutes=1),
    }
    try:
        match feed.of:
            case "prices":
                return _points(feed, {feed.market.symbol: client.query_day_ahead_prices(code, **span)})
            case "load":
                frame = client.query_load_forecast(code, **span)
            case "wind-solar":
                frame = client.query_wind_and_solar_forecast(code, **span)
    except load("entsoe.exceptions").NoMatchingDataError:
        return []
    named = {name: frame[column] for column, name in _INDICATORS.items() if column in frame}
    return _points(feed, named)


def _points(feed: Feed, columns: Mapping[str, Any]) -> list[Point]:
    """The series say when periods start; how long they are follows from the next one of their day."""
    found: list[Point] = []
    for name, series in columns.items():
        rows = [(stamp.to_pydatetime().astimezone(UTC), value) for stamp, value in series.items()]
        by_day: defaultdict[date, list[tuple[datetime, Any]]] = defaultdict(list)
        for start, value in rows:
            by_day[local_day(start, feed.market.time_zone)].append((start, value))
        for day, of_day in by_day.items():
            length = _length(feed, day, [start for start, _ in of_day])
            for start, value in of_day:
                found.append(Point(start, start + length, name, None if math.isnan(value) else float(value)))
    return sorted(found)


def _length(feed: Feed, day: date, starts: Iterable[datetime]) -> timedelta:
    gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(set(starts)))]
    table = Resolution.parse(feed.market.resolution_on(day)).clock
    assert table is not None, "periods of a market are parts of a day"
    return min(gaps, default=table)
