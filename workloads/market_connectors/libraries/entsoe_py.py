"""Bidding zones of Europe, from ENTSO-E's transparency platform by entsoe-py."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any, Final

from workloads.kit.contracts.market import Market
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.libraries import load
from workloads.market_connectors.libraries.entsoe_series import LENGTHS, THE_AUCTION, Series, choose
from workloads.market_connectors.points import Days, Partly, Point

_INDICATORS = {
    "Solar": "solar",
    "Wind Onshore": "wind-onshore",
    "Wind Offshore": "wind-offshore",
}
"""Kinds of plant as the library names them → names of indicators."""

_PAGE, _LAST_PAGE = 100, 4800
"""Time series that one answer of prices holds, and the last offset that the platform takes."""

_REASON: Final = re.compile(r"<text>([^<]*)</text>")
"""Why the platform gives none."""

_SEQUENCED: Final = frozenset({"DE_LU", "AT"})
"""Zones of which the library asks for the first auction by its number."""


class OtherTerms(Exception):
    """Prices came in another currency, or of another unit, than the table of markets has."""


class NotAnswered(Exception):
    """What came is no document that the library reads."""


def require_terms(series: Any, market: Market) -> None:
    """OtherTerms where a series of prices is not in the table's: the library gives numbers alone.

    Args:
        series: an element of the library's, whose names are in lower case.
    """
    for name, wanted in (("currency_unit.name", market.currency), ("price_measure_unit.name", market.unit)):
        said = _said(series, name)
        if said is not None and said.upper() != wanted.upper():
            raise OtherTerms(f"{market.name} came in {said}, and the table of markets has {wanted}")


def read(feed: Feed, days: Days, key: str | None) -> list[Point]:
    """Points of a bidding zone: prices of the coupled auction, or a forecast of the day before.

    The requests and the reader of a series are the library's. Its calls that also join the series are not
    taken: they mix lengths of periods, and auctions.

    Raises:
        Partly: with what is believed, where a series or a period of an answer is not.
        NotAnswered: an answer without any series that does not say either that there is none.
    """
    found: list[Series] = []
    refused: list[str] = []
    for elements in _answers(feed, days, key):
        for element in elements:
            try:
                found += _series(feed, element)
            except Exception as error:  # of one series; the others hold
                refused.append(f"the series of {_said(element, 'start')}: {type(error).__name__}: {error}")
    points, doubted = choose(feed, days, found)
    refused += doubted
    if refused:
        raise Partly(points, list(dict.fromkeys(refused)))
    return points


def _answers(feed: Feed, days: Days, key: str | None) -> Iterator[list[Any]]:
    """The time series of each document of these days, as the library asks for them."""
    entsoe, pandas = load("entsoe"), load("pandas")
    none = load("entsoe.exceptions").NoMatchingDataError
    # Failed connections are tried again by `transport`, for all libraries alike.
    client = entsoe.EntsoeRawClient(api_key=key, retry_count=1, retry_delay=0, timeout=60)
    code = feed.market.code
    # The library's ends are inclusive.
    start, end = pandas.Timestamp(days.start), pandas.Timestamp(days.end) - pandas.Timedelta(minutes=1)
    if feed.of == "prices":
        day = pandas.Timedelta(days=1)
        first = THE_AUCTION if code in _SEQUENCED else None
        for offset in range(0, _LAST_PAGE + _PAGE, _PAGE):
            try:
                answer = client.query_day_ahead_prices(
                    # A day more on each side, as the library asks: a document may hold more than a day.
                    *(code, start - day, end + day),
                    offset=offset,
                    sequence=first,
                )
            except none:
                return
            elements = _elements(answer)
            yield elements
            if len(elements) < _PAGE:
                return
        return
    ask = client.query_load_forecast if feed.of == "load" else client.query_wind_and_solar_forecast
    for first, last in load("entsoe.misc").month_blocks(start, end):
        try:
            answer = ask(code, start=first, end=last)
        except none:
            continue
        yield _elements(answer)


def _elements(answer: str) -> list[Any]:
    elements = list(load("entsoe.series_parsers")._extract_timeseries(answer))
    if not elements:
        reason = _REASON.search(answer)
        said = reason[1] if reason else f"{len(answer)} characters that begin {answer[:40]!r}"
        raise NotAnswered(f"no time series, but {said}")
    return elements


def _series(feed: Feed, element: Any) -> Iterator[Series]:
    """What the library reads of one time series, a length of period each."""
    of = _name(feed, element)
    if of is None:
        return
    if feed.of == "prices":
        require_terms(element, feed.market)
    position = _said(element, "classificationsequence_attributeinstancecomponent.position")
    label = "price.amount" if feed.of == "prices" else "quantity"
    read_by_library = load("entsoe.series_parsers")._parse_timeseries_generic(element, label)
    for name, numbers in read_by_library.items():
        if numbers is None:
            continue
        if name not in LENGTHS:
            raise NotAnswered(f"periods of {name}; a market has periods of {', '.join(LENGTHS)}")
        yield Series(
            of,
            THE_AUCTION if position is None else int(position),
            LENGTHS[name],
            {
                stamp.to_pydatetime().astimezone(UTC): float(number)
                for stamp, number in numbers.items()
                if not math.isnan(number)
            },
        )


def _name(feed: Feed, element: Any) -> str | None:
    if feed.of == "prices":
        return feed.market.symbol
    if feed.of == "load":
        return "load"
    kind = _said(element, "psrtype")
    return _INDICATORS.get(load("entsoe.mappings").PSRTYPE_MAPPINGS.get(kind, ""))


def _said(element: Any, name: str) -> str | None:
    found = element.find(name)
    return None if found is None else found.text.strip()
