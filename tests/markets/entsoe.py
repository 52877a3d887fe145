"""ENTSO-E's transparency platform: documents in XML, as its guide and entsoe-py's reader have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from xml.sax.saxutils import escape

from tests.markets.truth import Market, price
from tests.markets.world import Answer, Asked

HOST = "web-api.tp.entsoe.eu"
KEY = "0b1f3c52-key-of-the-stand-in"
_DOCUMENTS = 100
"""Time series that one answer holds."""
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Entsoe:
    """Args:
    zones: EIC code → what the platform has of the bidding zone.
    """

    def __init__(self, zones: Mapping[str, Market]) -> None:
        self.zones = dict(zones)
        self.instead: dict[tuple[str, date], list[str]] = {}
        """(EIC code, local day) → time series of prices that are given of the day instead of its own."""

    def __call__(self, asked: Asked) -> Answer:
        query = asked.query
        if query.get("securityToken") != KEY:
            return _said("Unauthorized. Missing or invalid security token", 401)
        first, last = (
            datetime.strptime(query[name], "%Y%m%d%H%M").replace(tzinfo=UTC)
            for name in ("periodStart", "periodEnd")
        )
        code = query.get("in_Domain") or query.get("outBiddingZone_Domain") or ""
        market = self.zones.get(code)
        days = _days(market, first, last) if market else []
        match query["documentType"]:
            case "A44":
                at = int(query.get("offset", 0))
                all_of_them = [
                    one
                    for day in days
                    if market
                    for one in self.instead.get((code, day), [prices(code, market, day)])
                ]
                series = all_of_them[at : at + _DOCUMENTS]
                return _document("Publication_MarketDocument", "A44", first, last, series)
            case "A65":
                series = [_quantities(code, market, day, "load", "") for day in days if market]
                return _document("GL_MarketDocument", "A65", first, last, series)
            case "A69":
                kinds = {"B16": "solar", "B19": "wind"}
                series = [
                    _quantities(code, market, day, name, _PSR.format(kind))
                    for kind, name in kinds.items()
                    for day in days
                    if market
                ]
                return _document("GL_MarketDocument", "A69", first, last, series)
            case other:
                return _said(f"{other} is no document of the stand-in", 400)


_PSR = "<MktPSRType><psrType>{}</psrType></MktPSRType>"


def _days(market: Market, first: datetime, last: datetime) -> list[date]:
    """Local days that touch the range and that the platform has something of."""
    day, end = first.astimezone(market.zone).date(), last.astimezone(market.zone).date()
    found: list[date] = []
    while day <= end:
        if market.bounds(day)[0] < last and market.has(day):
            found.append(day)
        day += timedelta(days=1)
    return found


Row = tuple[datetime, datetime, float]


def prices(
    code: str,
    market: Market,
    day: date,
    *,
    rows: Sequence[Row] | None = None,
    length: str | None = None,
    curve: str = "A03",
    auction: int | None = None,
    currency: str = "EUR",
) -> str:
    """A day's auction. Of curve A03 a price that is that of the position before is left out, of A01 none.

    Args:
        rows: instead of the day's own.
        length: resolution, instead of the day's own.
        auction: its position in the sequence of the zone's; None: it is not said.
    """
    given = market.day(code, day) if rows is None else rows
    points = "".join(
        f"<Point><position>{n}</position><price.amount>{amount}</price.amount></Point>"
        for n, (_, _, amount) in enumerate(given, 1)
        if curve != "A03" or n == 1 or amount != given[n - 2][2]
    )
    name = "classificationSequence_AttributeInstanceComponent.position"
    head = (
        "<auction.type>A01</auction.type>"
        f'<in_Domain.mRID codingScheme="A01">{code}</in_Domain.mRID>'
        f'<out_Domain.mRID codingScheme="A01">{code}</out_Domain.mRID>'
        "<contract_MarketAgreement.type>A01</contract_MarketAgreement.type>"
        f"<currency_Unit.name>{currency}</currency_Unit.name>"
        "<price_Measure_Unit.name>MWH</price_Measure_Unit.name>"
        f"{'' if auction is None else f'<{name}>{auction}</{name}>'}"
    )
    return _series("A62", head, period(market.bounds(day), _iso(market, day, length), points), curve)


def period(bounds: tuple[datetime, datetime], length: str, points: str) -> str:
    """A part of a time series, with its own length of periods."""
    interval = _interval(*bounds)
    return (
        f"<Period><timeInterval>{interval}</timeInterval><resolution>{length}</resolution>{points}</Period>"
    )


def _iso(market: Market, day: date, length: str | None) -> str:
    text = length or market.length(day).text
    return {"PT1H": "PT60M"}.get(text, text)


def _quantities(code: str, market: Market, day: date, name: str, tail: str) -> str:
    rows = market.day(code, day)
    points = "".join(
        f"<Point><position>{n}</position><quantity>{load(code, name, start)}</quantity></Point>"
        for n, (start, _, _) in enumerate(rows, 1)
    )
    where = "outBiddingZone_Domain.mRID" if name == "load" else "inBiddingZone_Domain.mRID"
    unit = "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>"
    head = f'<{where} codingScheme="A01">{code}</{where}>{unit}'
    part = period(market.bounds(day), _iso(market, day, None), points)
    return _series("A04" if name == "load" else "A94", head, part, tail=tail)


def load(code: str, name: str, start: datetime) -> int:
    """Megawatts of a forecast."""
    return abs(round(price(f"{code} {name}", start) * 100))


def _series(business: str, head: str, periods: str, curve: str = "A03", tail: str = "") -> str:
    return (
        f"<TimeSeries><mRID>1</mRID><businessType>{business}</businessType>{head}"
        f"<curveType>{curve}</curveType>{tail}{periods}</TimeSeries>"
    )


def _interval(start: datetime, end: datetime) -> str:
    return f"<start>{start:%Y-%m-%dT%H:%MZ}</start><end>{end:%Y-%m-%dT%H:%MZ}</end>"


def _document(name: str, kind: str, first: datetime, last: datetime, series: list[str]) -> Answer:
    if not series:
        return _said("No matching data found for Data item (12.1.D) and interval", 200)
    body = (
        f"{_XML}<{name}><mRID>1</mRID><revisionNumber>1</revisionNumber><type>{kind}</type>"
        f"<period.timeInterval>{_interval(first, last)}</period.timeInterval>{''.join(series)}</{name}>"
    )
    return Answer(body.encode(), "application/xml")


def _said(text: str, status: int) -> Answer:
    body = (
        f"{_XML}<Acknowledgement_MarketDocument><mRID>1</mRID><Reason><code>999</code>"
        f"<text>{escape(text)}</text></Reason></Acknowledgement_MarketDocument>"
    )
    return Answer(body.encode(), "application/xml", status)


def expected(code: str, market: Market, days: list[date]) -> Iterator[tuple[datetime, datetime, float]]:
    """What the zone's prices of these days are."""
    for day in days:
        yield from market.day(code, day)
