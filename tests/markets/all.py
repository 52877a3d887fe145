"""Every market of the table, stood in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.markets import aemo, elexon, entsoe
from tests.markets.america import AESO_KEY, OPERATORS, PJM_KEY
from tests.markets.truth import Market
from tests.markets.world import Site, World
from workloads.kit.contracts.markets import MARKETS, NEM_REGIONS, NEM_ZONE

KEYS = {"entsoe": entsoe.KEY, "pjm": PJM_KEY, "aeso": AESO_KEY}

EIC = {
    "AT": "10YAT-APG------L",
    "BE": "10YBE----------2",
    "BG": "10YCA-BULGARIA-R",
    "CH": "10YCH-SWISSGRIDZ",
    "CZ": "10YCZ-CEPS-----N",
    "DE-LU": "10Y1001A1001A82H",
    "DK-1": "10YDK-1--------W",
    "DK-2": "10YDK-2--------M",
    "EE": "10Y1001A1001A39I",
    "ES": "10YES-REE------0",
    "FI": "10YFI-1--------U",
    "FR": "10YFR-RTE------C",
    "GR": "10YGR-HTSO-----Y",
    "HR": "10YHR-HEP------M",
    "HU": "10YHU-MAVIR----U",
    "IE-SEM": "10Y1001A1001A59C",
    "IT-CNOR": "10Y1001A1001A70O",
    "IT-CSUD": "10Y1001A1001A71M",
    "IT-NORD": "10Y1001A1001A73I",
    "IT-SARD": "10Y1001A1001A74G",
    "IT-SICI": "10Y1001A1001A75E",
    "IT-SUD": "10Y1001A1001A788",
    "LT": "10YLT-1001A0008Q",
    "LV": "10YLV-1001A00074",
    "NL": "10YNL----------L",
    "NO-1": "10YNO-1--------2",
    "NO-2": "10YNO-2--------T",
    "NO-3": "10YNO-3--------J",
    "NO-4": "10YNO-4--------9",
    "NO-5": "10Y1001A1001A48H",
    "PL": "10YPL-AREA-----S",
    "PT": "10YPT-REN------W",
    "RO": "10YRO-TEL------P",
    "SE-1": "10Y1001A1001A44P",
    "SE-2": "10Y1001A1001A45N",
    "SE-3": "10Y1001A1001A46L",
    "SE-4": "10Y1001A1001A47J",
    "SI": "10YSI-ELES-----O",
    "SK": "10YSK-SEPS-----K",
}
"""Bidding zone → its energy identification code."""

_EUROPE = ZoneInfo("Europe/Brussels")
"""The platform's days are the auction's, in Lisbon and in Helsinki alike."""


@dataclass
class Stood:
    """A market, and the name under which the truth has its prices."""

    market: Market
    name: str


def everything(directory: Path) -> tuple[World, dict[str, Stood]]:
    """A world of all markets of the table, and what each holds."""
    stood: dict[str, Stood] = {}
    sites: dict[str, Site] = {}
    for name, code in EIC.items():
        coupled = bool(MARKETS[name].resolution_from)
        quarters = date(2025, 10, 1) if coupled else None
        stood[name] = Stood(Market(_EUROPE, quarters_from=quarters), code)
    sites[entsoe.HOST] = entsoe.Entsoe({one.name: one.market for one in stood.values()})
    for name, (host, place, zone, site) in OPERATORS.items():
        stood[name] = Stood(Market(zone), place)
        sites[host] = site(stood[name].market)
    stood["GB-INDEX"] = Stood(Market(ZoneInfo("Europe/London"), resolution="PT30M"), elexon.NAME)
    sites[elexon.HOST] = elexon.elexon(stood["GB-INDEX"].market)
    for region in NEM_REGIONS:
        zone = ZoneInfo(NEM_ZONE)
        stood[region] = Stood(Market(zone, resolution="PT30M", fives_from=date(2021, 10, 1)), region)
    sites[aemo.HOST] = aemo.Aemo({region: stood[region].market for region in NEM_REGIONS})
    return World(sites, directory), stood
