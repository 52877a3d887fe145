"""ENTSO-E's transparency platform: documents in XML, as its guide and entsoe-py's reader have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
                series = [_prices(code, market, day) for day in days[at : at + _DOCUMENTS] if market]
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
        if market.bounds(day)[0] < last and market.day("", day):
            found.append(day)
        day += timedelta(days=1)
    return found


def _prices(code: str, market: Market, day: date) -> str:
    """A day's auction, as curve A03: a price that is that of the position before is left out."""
    rows = market.day(code, day)
    points = "".join(
        f"<Point><position>{n}</position><price.amount>{amount}</price.amount></Point>"
        for n, (_, _, amount) in enumerate(rows, 1)
        if n == 1 or amount != rows[n - 2][2]
    )
    head = (
        f'<in_Domain.mRID codingScheme="A01">{code}</in_Domain.mRID>'
        f'<out_Domain.mRID codingScheme="A01">{code}</out_Domain.mRID>'
        "<contract_MarketAgreement.type>A01</contract_MarketAgreement.type>"
        "<currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>"
    )
    return _series(market, day, "A62", head, points)


def _quantities(code: str, market: Market, day: date, name: str, tail: str) -> str:
    rows = market.day(code, day)
    points = "".join(
        f"<Point><position>{n}</position><quantity>{load(code, name, start)}</quantity></Point>"
        for n, (start, _, _) in enumerate(rows, 1)
    )
    where = "outBiddingZone_Domain.mRID" if name == "load" else "inBiddingZone_Domain.mRID"
    unit = "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>"
    head = f'<{where} codingScheme="A01">{code}</{where}>{unit}'
    return _series(market, day, "A04" if name == "load" else "A94", head, points, tail)


def load(code: str, name: str, start: datetime) -> int:
    """Megawatts of a forecast."""
    return abs(round(price(f"{code} {name}", start) * 100))


def _series(market: Market, day: date, business: str, head: str, points: str, tail: str = "") -> str:
    length = {"PT1H": "PT60M"}.get(market.length(day).text, market.length(day).text)
    interval = _interval(*market.bounds(day))
    return (
        f"<TimeSeries><mRID>1</mRID><businessType>{business}</businessType>{head}<curveType>A03</curveType>{tail}"
        f"<Period><timeInterval>{interval}</timeInterval><resolution>{length}</resolution>{points}</Period>"
        "</TimeSeries>"
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
