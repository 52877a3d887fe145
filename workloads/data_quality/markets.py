"""What is known of markets and indicators beforehand: time zones, and values that cannot be.

A limit is here only where a rule of the market, or nature, makes what is beyond it impossible, with who says
so since when; other markets have none. What has no entry has days in UTC. Prices of nodes (as of American
markets) have no cap: what congestion adds is not limited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from workloads.data_quality.rules.bounds import Limits
from workloads.data_quality.series import Facts
from workloads.kit.contracts.indicators import Indicator, Message
from workloads.kit.contracts.messages import Price
from workloads.kit.periods import Resolution

# Of the two couplings; ACER's decisions 01-2023 and 02-2023 of 2023-01-10 replaced a rise to 5000 EUR/MWh
# that was announced for 2022-09-20 and suspended before it began.
SDAC: Final = Limits(-500, 4000, "EUR/MWh", "harmonised clearing price limits of SDAC", "2022-05-11")
SIDC: Final = Limits(-9999, 9999, "EUR/MWh", "harmonised clearing price limits of SIDC", "2018-06-12")

_Limits = Mapping[str, Limits]
"""Product → what its prices may be."""

_COUPLED: Final[_Limits] = {"day-ahead": SDAC, "intraday": SIDC}
_UNCAPPED: Final[_Limits] = {}


class Market(NamedTuple):
    """One time zone's zones or markets, as `market` or `zone` of a message name them."""

    zone: str
    names: str
    limits: _Limits


_MARKETS: Final = (
    Market("Europe/Berlin", "DE-LU DE DE-AT-LU EPEX EPEX-DE CWE", _COUPLED),
    Market("Europe/Paris", "FR EPEX-FR", _COUPLED),
    Market("Europe/Brussels", "BE EPEX-BE", _COUPLED),
    Market("Europe/Amsterdam", "NL EPEX-NL", _COUPLED),
    Market("Europe/Vienna", "AT EPEX-AT", _COUPLED),
    Market("Europe/Oslo", "NO1 NO2 NO3 NO4 NO5 NORDPOOL", _COUPLED),
    Market("Europe/Stockholm", "SE1 SE2 SE3 SE4", _COUPLED),
    Market("Europe/Copenhagen", "DK1 DK2", _COUPLED),
    Market("Europe/Helsinki", "FI", _COUPLED),
    Market("Europe/Tallinn", "EE", _COUPLED),
    Market("Europe/Riga", "LV", _COUPLED),
    Market("Europe/Vilnius", "LT", _COUPLED),
    Market("Europe/Warsaw", "PL TGE", _COUPLED),  # of prices in EUR
    Market("Europe/Prague", "CZ", _COUPLED),
    Market("Europe/Bratislava", "SK", _COUPLED),
    Market("Europe/Budapest", "HU", _COUPLED),
    Market("Europe/Bucharest", "RO", _COUPLED),
    Market("Europe/Sofia", "BG", _COUPLED),
    Market("Europe/Ljubljana", "SI", _COUPLED),
    Market("Europe/Zagreb", "HR", _COUPLED),
    Market("Europe/Athens", "GR", _COUPLED),
    Market(
        "Europe/Rome", "IT-NORD IT-CNOR IT-CSUD IT-SUD IT-SICI IT-SARD IT-CALA IT-NORTH", {"day-ahead": SDAC}
    ),
    Market("Europe/Madrid", "ES", _COUPLED),
    Market("Europe/Lisbon", "PT", _COUPLED),
    Market("Europe/Dublin", "IE-SEM SEM", {"day-ahead": SDAC}),
    Market("Europe/Zurich", "CH EPEX-CH", _UNCAPPED),
    Market("Europe/London", "GB N2EX", _UNCAPPED),
    Market("America/Chicago", "ERCOT MISO SPP", _UNCAPPED),
    Market("America/Los_Angeles", "CAISO", _UNCAPPED),
    Market("America/New_York", "PJM NYISO ISONE ISO-NE", _UNCAPPED),
    Market("America/Toronto", "IESO", _UNCAPPED),
    Market("America/Edmonton", "AESO", _UNCAPPED),
    Market("Australia/Brisbane", "AEMO NEM QLD1 NSW1 VIC1 SA1 TAS1", _UNCAPPED),
)

MARKETS: Final[Mapping[str, Market]] = {name: one for one in _MARKETS for name in one.names.split()}
"""Name of a market or a bidding zone → its zone and limits."""

_POWER: Final = Limits(0, 2_000_000, "MW", "no grid takes or makes less than nothing", "ever")
_INDICATORS: Final[Mapping[str, Limits]] = {
    "load": _POWER,
    "wind": _POWER,
    "solar": _POWER,
    "wind-solar": _POWER,
    "temperature": Limits(-90, 60, "°C", "the extremes that the WMO has recorded, rounded outwards", "1983"),
}
"""Limits of an indicator, where its unit is the limits' own."""

_UTC: Final = ZoneInfo("UTC")
_AHEAD: Final = frozenset(("day-ahead", "intraday", "forward"))


def facts_of(message: Message) -> Facts:
    """What is known of the series that a message is of."""
    if isinstance(message, Price):
        market = MARKETS.get(message.market) or MARKETS.get(message.symbol)
        limits = market.limits.get(message.product) if market else None
        unit, ahead = f"{message.currency}/{message.unit}", message.product in _AHEAD
    else:
        market = MARKETS.get(message.zone)
        limits = _limits_of(message)
        unit, ahead = message.unit, message.kind == "forecast"
    return Facts(
        Resolution.parse(message.resolution),
        ZoneInfo(market.zone) if market else _UTC,
        limits if limits is not None and limits.unit == unit else None,
        ahead,
        timed=message.provenance != "replay",
    )


def _limits_of(indicator: Indicator) -> Limits | None:
    return _INDICATORS.get(indicator.name)
