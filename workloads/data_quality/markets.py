"""What is known of markets and indicators beforehand: time zones, and values that cannot be.

Markets and their zones are those of the table of market-connectors, under their own names, the symbols of
their prices and the names that other sources have for them; what has no entry has days in UTC. A limit is
here only where a rule of the market, or nature, makes what is beyond it impossible, with who says so since
when; other markets have none. Prices of nodes (as of American markets) have no cap: what congestion adds is
not limited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from workloads.data_quality.rules.bounds import Limits
from workloads.data_quality.series import Facts
from workloads.kit.contracts import markets
from workloads.kit.contracts.indicators import Indicator, Message
from workloads.kit.contracts.market import Market
from workloads.kit.contracts.messages import Price
from workloads.kit.periods import Resolution

# Of the two couplings; ACER's decisions 01-2023 and 02-2023 of 2023-01-10 replaced a rise to 5000 EUR/MWh
# that was announced for 2022-09-20 and suspended before it began.
SDAC: Final = Limits(-500, 4000, "EUR/MWh", "harmonised clearing price limits of SDAC", "2022-05-11")
SIDC: Final = Limits(-9999, 9999, "EUR/MWh", "harmonised clearing price limits of SIDC", "2018-06-12")

_Limits = Mapping[str, Limits]
"""Product → what its prices may be."""


class Known(NamedTuple):
    """The time zone of a market's days, and its limits."""

    zone: str
    limits: _Limits


def _limits(market: Market) -> _Limits:
    """The couplings' in EUR/MWh; prices in another unit are not held against them."""
    if market.group != "europe" or market.name == "CH":
        return {}
    if market.operator in ("GME", "SEMOpx"):  # their intraday auctions are their own
        return {"day-ahead": SDAC}
    return {"day-ahead": SDAC, "intraday": SIDC}


_ALSO: Final[Mapping[str, str]] = {
    "AESO-POOL": "AESO",
    "AT": "EPEX-AT",
    "BE": "EPEX-BE",
    "CAISO-SP15": "CAISO",
    "CH": "EPEX-CH",
    "DE-LU": "DE DE-AT-LU EPEX EPEX-DE CWE",
    "DK-1": "DK1",
    "DK-2": "DK2",
    "ERCOT-HB-NORTH": "ERCOT",
    "FR": "EPEX-FR",
    "GB-INDEX": "GB N2EX",
    "IE-SEM": "SEM",
    "IESO-ONTARIO": "IESO",
    "ISONE-HUB": "ISONE ISO-NE",
    "IT-NORD": "IT-NORTH",
    "IT-SUD": "IT-CALA",
    "MISO-INDIANA": "MISO",
    "NL": "EPEX-NL",
    "NO-1": "NO1 NORDPOOL",
    "NO-2": "NO2",
    "NO-3": "NO3",
    "NO-4": "NO4",
    "NO-5": "NO5",
    "NYISO-NYC": "NYISO",
    "PJM-WESTERN-HUB": "PJM",
    "PL": "TGE",
    "SE-1": "SE1",
    "SE-2": "SE2",
    "SE-3": "SE3",
    "SE-4": "SE4",
    "SPP-NORTH-HUB": "SPP",
}
"""Market of the table → other names under which its prices, or those of its like, come."""

_NEM: Final = Known(markets.NEM_ZONE, {})
_NEM_NAMES: Final = ("AEMO", "NEM")
"""Names of the market as a whole; its regions are in the table."""


def _known() -> Iterator[tuple[str, Known]]:
    of_table = {name: Known(one.zone, _limits(one)) for name, one in markets.MARKETS.items()}
    yield from ((other, of_table[name]) for name, others in _ALSO.items() for other in others.split())
    yield from ((name, _NEM) for name in _NEM_NAMES)
    for name, known in of_table.items():
        yield name, known
        yield markets.MARKETS[name].symbol, known


MARKETS: Final[Mapping[str, Known]] = dict(_known())
"""Name of a market or a bidding zone, as `market`, `symbol` or `zone` of a message has it → what is known."""

_POWER: Final = Limits(0, 2_000_000, "MW", "no grid takes or makes less than nothing", "ever")
_INDICATORS: Final[Mapping[str, Limits]] = {
    "load": _POWER,
    "wind": _POWER,
    "wind-onshore": _POWER,
    "wind-offshore": _POWER,
    "solar": _POWER,
    "wind-solar": _POWER,
    "temperature": Limits(-90, 60, "Cel", "the extremes that the WMO has recorded, rounded outwards", "1983"),
}
"""Limits of an indicator, where its unit is the limits' own."""

_STILL: Final[Mapping[str, frozenset[float]]] = {"solar": frozenset((0.0,))}
"""Values at which an indicator may stay for ever: in the north the sun is away for weeks."""

_UTC: Final = ZoneInfo("UTC")
_AHEAD: Final = frozenset(("day-ahead", "intraday", "forward"))


def facts_of(message: Message) -> Facts:
    """What is known of the series that a message is of."""
    if isinstance(message, Price):
        market = MARKETS.get(message.market) or MARKETS.get(message.symbol)
        limits = market.limits.get(message.product) if market else None
        unit, ahead = f"{message.currency}/{message.unit}", message.product in _AHEAD
        still = frozenset[float]()
    else:
        market = MARKETS.get(message.zone)
        limits = _limits_of(message)
        unit, ahead = message.unit, message.kind == "forecast"
        still = _STILL.get(message.name, frozenset())
    return Facts(
        Resolution.parse(message.resolution),
        ZoneInfo(market.zone) if market else _UTC,
        limits if limits is not None and limits.unit == unit else None,
        ahead,
        timed=message.provenance != "replay",
        still=still,
    )


def _limits_of(indicator: Indicator) -> Limits | None:
    return _INDICATORS.get(indicator.name)
