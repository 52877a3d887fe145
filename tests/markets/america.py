"""System operators of North America, each in the files that gridstatus reads: CSV, CSV in ZIP, JSON, XML.

Prices are those of the place that the table names, beside a second one that nobody asks for. Numbers beside
the price (energy, congestion, loss) are zero, as the readers want the columns.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.markets.truth import Market
from tests.markets.world import NOT_THERE, Answer, Asked, Site

PJM_KEY = "5ad1-key-of-the-stand-in"
AESO_KEY = "77e0-key-of-the-stand-in"
_REFUSED = Answer(b'{"message": "invalid subscription key"}', "application/json", 401)


def zipped(name: str, content: str) -> bytes:
    """An archive of one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def _lines(*rows: Iterable[object]) -> str:
    return "".join(",".join(map(str, row)) + "\r\n" for row in rows)


def _if_lmp(component: str, amount: float) -> float:
    return amount if component == "LMP" else 0


def _day(path: str) -> date:
    found = re.search(r"20\d{6}", path)
    assert found is not None, path
    return datetime.strptime(found[0], "%Y%m%d").date()


def _hours(market: Market, name: str, day: date) -> list[tuple[datetime, int, bool, float]]:
    """(local start, hour ending, whether it is the second of its name, price) of each hour of a day."""
    rows = [(start.astimezone(market.zone), amount) for start, _, amount in market.day(name, day)]
    return [(local, local.hour + 1, bool(local.fold), amount) for local, amount in rows]


def ercot(market: Market) -> Site:
    """Day-ahead settlement point prices: a list of documents, each a CSV in a ZIP."""

    def site(asked: Asked) -> Answer:
        if asked.path.endswith("IceDocListJsonWS"):
            return _documents(market, int(asked.query["reportTypeId"]))
        document = asked.query["doclookupId"]
        if document == "1":
            return Answer(
                zipped("Settlement_Points_06012024_120000.csv", "RESOURCE_NODE,HUB\nNODE_1,\n"),
                "application/zip",
            )
        day = date.fromordinal(int(document))
        rows = [
            (f"{day:%m/%d/%Y}", f"{hour:02}:00", place, amount, "Y" if second else "N")
            for place in ("HB_NORTH", "NODE_1")
            for _, hour, second, amount in _hours(market, place, day)
        ]
        head = ("DeliveryDate", "HourEnding", "SettlementPoint", "SettlementPointPrice", "DSTFlag")
        return Answer(zipped("cdr.00012331.csv", _lines(head, *rows)), "application/zip")

    return site


def _documents(market: Market, report: int) -> Answer:
    if report == 12331:
        # The operator keeps a month; the stand-in, all that a test asks for.
        days = [date(2023, 1, 1) + timedelta(days=n) for n in range(1500)]
        documents = [
            {
                "DocID": str(day.toordinal()),
                "FriendlyName": "DAMSPNP4190_csv",
                "ConstructedName": f"cdr.00012331.0000000000000000.{day:%Y%m%d}.DAMSPNP4190_csv.zip",
                "PublishDate": f"{day - timedelta(days=1):%Y-%m-%d}T12:35:00-06:00",
            }
            for day in days
            if market.day("HB_NORTH", day)
        ]
    else:
        documents = [
            {
                "DocID": "1",
                "FriendlyName": "Settlement_Points_List",
                "ConstructedName": "rpt.00010008.0000000000000000.20240601.zip",
                "PublishDate": "2024-06-01T12:00:00-05:00",
            }
        ]
    listed = {"ListDocsByRptTypeRes": {"DocumentList": [{"Document": one} for one in documents]}}
    return Answer(json.dumps(listed).encode(), "application/json")


def miso(market: Market) -> Site:
    """Day-ahead ex-post prices: four lines of title, and a row a node and component with a column an hour."""

    def site(asked: Asked) -> Answer:
        day = _day(asked.path)
        rows = market.day("INDIANA.HUB", day)
        if not rows:
            return NOT_THERE
        title = [(f"Day Ahead Market ExPost LMPs {day:%m/%d/%Y}",), ("",), ("",), ("",)]
        head = ("Node", "Type", "Value", *(f"HE {hour}" for hour in range(1, 25)))
        nodes = [
            (node, "Hub", component, *(_if_lmp(component, row[2]) for row in market.day(node, day)))
            for node in ("INDIANA.HUB", "MICHIGAN.HUB")
            for component in ("LMP", "MCC", "MLC")
        ]
        return Answer(_lines(*title, head, *nodes).encode())

    return site


def caiso(market: Market) -> Site:
    """OASIS: a CSV in a ZIP, a row an hour and component; an XML in one where there is nothing."""

    def site(asked: Asked) -> Answer:
        first, last = (
            datetime.strptime(asked.query[name], "%Y%m%dT%H:%M%z")
            for name in ("startdatetime", "enddatetime")
        )
        day = first.astimezone(market.zone).date()
        node = asked.query["node"]
        rows = [
            (
                *(f"{at:%Y-%m-%dT%H:%M:%S-00:00}" for at in (start, end)),
                *(day, number, 0, node, node, node, "DAM", component, f"LMP_{component}_PRC", node),
                *("ALL_APNODES", 0, _if_lmp(component, amount), 1),
            )
            for component in ("LMP", "MCE", "MCC", "MCL", "MGHG")
            for number, (start, end, amount) in enumerate(market.day(node, day), 1)
            if first <= start < last
        ]
        if not rows:
            report = "<m:OASISReport><m:ERR_CODE>1000</m:ERR_CODE></m:OASISReport>"
            return _inline(zipped("INVALID_REQUEST.xml", report), "INVALID_REQUEST.xml.zip;")
        head = (
            *("INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "OPR_DT", "OPR_HR", "OPR_INTERVAL"),
            *("NODE_ID_XML", "NODE_ID", "NODE", "MARKET_RUN_ID", "LMP_TYPE", "XML_DATA_ITEM"),
            *("PNODE_RESMRID", "GRP_TYPE", "POS", "MW", "GROUP"),
        )
        name = f"{day:%Y%m%d}_PRC_LMP_DAM"
        return _inline(zipped(f"{name}.csv", _lines(head, *rows)), f"{name}_csv.zip;")

    return site


def _inline(packed: bytes, file: str) -> Answer:
    headers = {"Content-Disposition": f"inline; filename={file}"}
    return Answer(packed, "application/x-zip-compressed", headers=headers)


def nyiso(market: Market) -> Site:
    """Zonal day-ahead prices: a CSV a day. An hour that the clock shows twice is there twice."""

    def site(asked: Asked) -> Answer:
        day = _day(asked.path)
        rows = [
            (f'"{local:%m/%d/%Y %H:%M}"', f'"{place}"', 61761, amount, 0, 0)
            for local, _, _, _ in _hours(market, "N.Y.C.", day)
            for place in ("N.Y.C.", "WEST")
            for other, _, _, amount in _hours(market, place, day)
            if (other, other.fold) == (local, local.fold)
        ]
        if not rows:
            return NOT_THERE
        head = (
            *('"Time Stamp"', '"Name"', '"PTID"', '"LBMP ($/MWHr)"', '"Marginal Cost Losses ($/MWHr)"'),
            '"Marginal Cost Congestion ($/MWHr)"',
        )
        return Answer(_lines(head, *rows).encode())

    return site


def isone(market: Market) -> Site:
    """Day-ahead hourly prices: a CSV of lines C, H, D and T. The repeated hour is 02X."""

    def site(asked: Asked) -> Answer:
        if not asked.path.endswith(".csv"):
            return Answer(b"<html></html>", "text/html", headers={"Set-Cookie": "isox_token=1"})
        day = _day(asked.path)
        rows = [
            (
                "D",
                f"{day:%m/%d/%Y}",
                f"{hour:02}X" if second else f"{hour:02}",
                number,
                place,
                "HUB",
                amount,
                0,
                0,
                0,
            )
            for number, place in ((4000, ".H.INTERNAL_HUB"), (4001, ".Z.MAINE"))
            for _, hour, second, amount in _hours(market, place, day)
        ]
        if not rows:
            return NOT_THERE
        head = (
            *("H", "Date", "Hour Ending", "Location ID", "Location Name", "Location Type"),
            *(
                "Locational Marginal Price",
                "Energy Component",
                "Congestion Component",
                "Marginal Loss Component",
            ),
        )
        comments = [("C", f"Day-Ahead Energy Market Hourly LMP Report {n}") for n in range(4)]
        kinds = ("H", "Date", "String", "Number", "String", "String", "$/MWh", "$/MWh", "$/MWh", "$/MWh")
        return Answer(_lines(*comments, head, kinds, *rows, ("T", len(rows))).encode())

    return site


def spp(market: Market) -> Site:
    """Day-ahead prices by settlement location: a CSV a day, with times in GMT beside local ones."""

    def site(asked: Asked) -> Answer:
        day = _day(asked.query["path"])
        rows = [
            (
                *(f"{at:%m/%d/%Y %H:%M:%S}" for at in (end.astimezone(market.zone), end)),
                *(place, place, amount, 0, 0, 0),
            )
            for place in ("SPPNORTH_HUB", "SPPSOUTH_HUB")
            for _, end, amount in market.day(place, day)
        ]
        if not rows:
            return NOT_THERE
        head = ("Interval", "GMTIntervalEnd", "Settlement Location", "Pnode", "LMP", "MLC", "MCC", "MEC")
        return Answer(_lines(head, *rows).encode())

    return site


def pjm(market: Market) -> Site:
    """Data Miner 2: JSON of items and their total, and the directory of nodes."""

    def site(asked: Asked) -> Answer:
        if asked.headers.get("Ocp-Apim-Subscription-Key") != PJM_KEY:
            return _REFUSED
        if asked.path.endswith("/pnode"):
            node = {
                "pnode_id": 51288,
                "pnode_name": "WESTERN HUB",
                "pnode_subtype": "HUB",
                "pnode_type": "AGGREGATE",
            }
            items = [
                node
                | {"voltage_level": None, "zone": None, "effective_date": "2000-01-01T00:00:00"}
                | {"termination_date": "9999-12-31T00:00:00"}
            ]
        else:
            first = asked.query["datetime_beginning_ept"].partition("to")[0]
            day = datetime.strptime(first, "%m/%d/%Y %H:%M").date()
            items = [
                {
                    "datetime_beginning_utc": f"{start:%Y-%m-%dT%H:%M:%S}",
                    "datetime_beginning_ept": f"{start.astimezone(market.zone):%Y-%m-%dT%H:%M:%S}",
                    "pnode_id": 51288,
                    "pnode_name": "WESTERN HUB",
                    "voltage": None,
                    "equipment": None,
                    "type": "HUB",
                    "zone": None,
                    "system_energy_price_da": 0,
                    "total_lmp_da": amount,
                    "congestion_price_da": 0,
                    "marginal_loss_price_da": 0,
                    "row_is_current": True,
                    "version_nbr": 1,
                }
                for start, _, amount in market.day("51288", day)
            ]
        answer = {"items": items, "totalRows": len(items), "links": []}
        return Answer(json.dumps(answer).encode(), "application/json")

    return site


def ieso(market: Market) -> Site:
    """Ontario's zonal price of the day-ahead market: XML."""

    def site(asked: Asked) -> Answer:
        day = _day(asked.path)
        rows = market.day("ONTARIO", day)
        if not rows:
            return NOT_THERE
        hours = "".join(
            f"<HourlyPriceComponents><PricingHour>{number}</PricingHour><ZonalPrice>{amount}</ZonalPrice>"
            "<LossPriceCapped>0</LossPriceCapped><CongestionPriceCapped>0</CongestionPriceCapped>"
            "</HourlyPriceComponents>"
            for number, (_, _, amount) in enumerate(rows, 1)
        )
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><Document xmlns="http://www.ieso.ca/schema"><DocHeader>'
            f"<CreatedAt>{day - timedelta(days=1)}T13:30:00</CreatedAt></DocHeader><DocBody>"
            f"<DeliveryDate>{day}</DeliveryDate>{hours}</DocBody></Document>"
        )
        return Answer(body.encode(), "application/xml")

    return site


def aeso(market: Market) -> Site:
    """The pool price report: JSON."""

    def site(asked: Asked) -> Answer:
        if asked.headers.get("API-KEY") != AESO_KEY:
            return _REFUSED
        day, last = (date.fromisoformat(asked.query[name]) for name in ("startDate", "endDate"))
        rows = [
            {
                "begin_datetime_utc": f"{start:%Y-%m-%d %H:%M}",
                "begin_datetime_mpt": f"{start.astimezone(market.zone):%Y-%m-%d %H:%M}",
                "pool_price": str(amount),
                "forecast_pool_price": "",
                "rolling_30day_avg": "0",
            }
            for n in range((last - day).days + 1)
            for start, _, amount in market.day("AESO", day + timedelta(days=n))
        ]
        return Answer(json.dumps({"return": {"Pool Price Report": rows}}).encode(), "application/json")

    return site


OPERATORS: dict[str, tuple[str, str, ZoneInfo, Callable[[Market], Site]]] = {
    "AESO-POOL": ("apimgw.aeso.ca", "AESO", ZoneInfo("America/Edmonton"), aeso),
    "CAISO-SP15": ("oasis.caiso.com", "TH_SP15_GEN-APND", ZoneInfo("America/Los_Angeles"), caiso),
    "ERCOT-HB-NORTH": ("www.ercot.com", "HB_NORTH", ZoneInfo("America/Chicago"), ercot),
    "IESO-ONTARIO": ("reports-public.ieso.ca", "ONTARIO", ZoneInfo("Etc/GMT+5"), ieso),
    "ISONE-HUB": ("www.iso-ne.com", ".H.INTERNAL_HUB", ZoneInfo("America/New_York"), isone),
    "MISO-INDIANA": ("docs.misoenergy.org", "INDIANA.HUB", ZoneInfo("Etc/GMT+5"), miso),
    "NYISO-NYC": ("oasis-postings.prod.nysdi.com", "N.Y.C.", ZoneInfo("America/New_York"), nyiso),
    "PJM-WESTERN-HUB": ("api.pjm.com", "51288", ZoneInfo("America/New_York"), pjm),
    "SPP-NORTH-HUB": ("portal.spp.org", "SPPNORTH_HUB", ZoneInfo("America/Chicago"), spp),
}
"""Market → host, the name under which the truth has its prices, zone, and what answers."""
