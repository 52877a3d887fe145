"""The table of power markets, of which a stack names those that it wants. docs/markets.md is made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Final

from workloads.kit.contracts.market import Forecast, Group, Market

_QUARTERS: Final = {date(2025, 10, 1): "PT15M"}
"""From this delivery day on the coupled day-ahead auction of Europe clears quarters of an hour."""

_SDAC: Final = "Europe/Brussels"
"""Zone of the delivery days that the coupled auction clears, in zones with another clock of their own, too.
The auction of the Irish market is run beside it, of the same days: from 23:00 Irish time on."""

_BOTH: Final[tuple[Forecast, ...]] = ("load", "wind-solar")


def _zone(
    name: str,
    operator: str,
    zone: str,
    *,
    currency: str = "EUR",
    published: time = time(12, 57),
    coupled: bool = True,
    forecasts: tuple[Forecast, ...] = (),
) -> Market:
    """A bidding zone of ENTSO-E's platform, most of them `coupled` in one auction."""
    code = name.replace("-", "_")
    return Market(
        name=name,
        operator=operator,
        library="entsoe-py",
        call=f"query_day_ahead_prices({code})",
        code=code,
        group="europe",
        zone=zone,
        currency=currency,
        resolution_from=_QUARTERS if coupled else {},
        publication=published,
        licence="CC BY 4.0, but for what its owners restrict",
        secret="entsoe",  # noqa: S106  # the name of a secret
        hosts=("web-api.tp.entsoe.eu",),
        days=90,
        forecasts=forecasts,
    )


def _operator(
    name: str,
    code: str,
    place: str,
    zone: str,
    hosts: tuple[str, ...],
    *,
    published: time | None,
    call: str = "get_lmp_day_ahead_hourly",
    currency: str = "USD",
    secret: str | None = None,
    group: Group = "america",
    per_second: float = 1,
    terms: str,
) -> Market:
    """A system operator of North America: one hub or zone of it."""
    return Market(
        name=name,
        operator=name.partition("-")[0],
        library="gridstatus",
        call=f"{code}.{call}",
        code=code,
        place=place,
        product="day-ahead" if published else "real-time",
        group=group,
        zone=zone,
        currency=currency,
        publication=published,
        licence=terms,
        secret=secret,
        hosts=hosts,
        per_second=per_second,
    )


_EPEX, _NORD_POOL, _GME = "EPEX SPOT", "Nord Pool", "GME"

_EUROPE: Final = (
    _zone("AT", _EPEX, "Europe/Vienna", forecasts=_BOTH),
    _zone("BE", _EPEX, "Europe/Brussels", forecasts=_BOTH),
    _zone("BG", "IBEX", _SDAC),
    _zone("CH", _EPEX, "Europe/Zurich", published=time(11, 10), coupled=False),
    _zone("CZ", "OTE", "Europe/Prague"),
    _zone("DE-LU", _EPEX, "Europe/Berlin", forecasts=_BOTH),
    _zone("DK-1", _NORD_POOL, "Europe/Copenhagen"),
    _zone("DK-2", _NORD_POOL, "Europe/Copenhagen"),
    _zone("EE", _NORD_POOL, _SDAC),
    _zone("ES", "OMIE", "Europe/Madrid"),
    _zone("FI", _NORD_POOL, _SDAC),
    _zone("FR", _EPEX, "Europe/Paris", forecasts=_BOTH),
    _zone("GR", "HEnEx", _SDAC),
    _zone("HR", "CROPEX", "Europe/Zagreb"),
    _zone("HU", "HUPX", "Europe/Budapest"),
    _zone("IE-SEM", "SEMOpx", _SDAC, published=time(14), coupled=False),
    _zone("IT-CNOR", _GME, "Europe/Rome"),
    _zone("IT-CSUD", _GME, "Europe/Rome"),
    _zone("IT-NORD", _GME, "Europe/Rome"),
    _zone("IT-SARD", _GME, "Europe/Rome"),
    _zone("IT-SICI", _GME, "Europe/Rome"),
    _zone("IT-SUD", _GME, "Europe/Rome"),
    _zone("LT", _NORD_POOL, _SDAC),
    _zone("LV", _NORD_POOL, _SDAC),
    _zone("NL", _EPEX, "Europe/Amsterdam", forecasts=_BOTH),
    _zone("NO-1", _NORD_POOL, "Europe/Oslo"),
    _zone("NO-2", _NORD_POOL, "Europe/Oslo"),
    _zone("NO-3", _NORD_POOL, "Europe/Oslo"),
    _zone("NO-4", _NORD_POOL, "Europe/Oslo"),
    _zone("NO-5", _NORD_POOL, "Europe/Oslo"),
    _zone("PL", "TGE", "Europe/Warsaw", forecasts=_BOTH),
    _zone("PT", "OMIE", _SDAC),
    _zone("RO", "OPCOM", _SDAC),
    _zone("SE-1", _NORD_POOL, "Europe/Stockholm"),
    _zone("SE-2", _NORD_POOL, "Europe/Stockholm"),
    _zone("SE-3", _NORD_POOL, "Europe/Stockholm"),
    _zone("SE-4", _NORD_POOL, "Europe/Stockholm"),
    _zone("SI", "BSP SouthPool", "Europe/Ljubljana"),
    _zone("SK", "OKTE", "Europe/Bratislava"),
)

_AMERICA: Final = (
    _operator(
        *("CAISO-SP15", "CAISO", "TH_SP15_GEN-APND", "America/Los_Angeles", ("oasis.caiso.com",)),
        published=time(13),
        call="get_lmp(DAY_AHEAD_HOURLY)",
        per_second=0.2,  # it refuses more than a question in five seconds
        terms="CAISO's terms of use",
    ),
    _operator(
        *("ERCOT-HB-NORTH", "Ercot", "HB_NORTH", "America/Chicago", ("www.ercot.com",)),
        published=time(13, 30),
        call="get_spp(DAY_AHEAD_HOURLY)",
        terms="ERCOT's terms of use",
    ),
    _operator(
        *("IESO-ONTARIO", "IESO", "", "Etc/GMT+5", ("reports-public.ieso.ca",)),
        published=time(13, 30),
        call="get_lmp_day_ahead_hourly_ontario_zonal",
        currency="CAD",
        terms="IESO's terms of use",
    ),
    _operator(
        *("ISONE-HUB", "ISONE", ".H.INTERNAL_HUB", "America/New_York", ("www.iso-ne.com",)),
        published=time(13, 30),
        terms="ISO New England's terms of use",
    ),
    _operator(
        *("MISO-INDIANA", "MISO", "INDIANA.HUB", "Etc/GMT+5", ("docs.misoenergy.org",)),
        published=time(13, 30),
        terms="MISO's terms of use",
    ),
    _operator(
        *("NYISO-NYC", "NYISO", "N.Y.C.", "America/New_York", ("oasis-postings.prod.nysdi.com",)),
        published=time(11),
        call="get_lmp(DAY_AHEAD_HOURLY)",
        terms="NYISO's terms of use",
    ),
    _operator(
        *("PJM-WESTERN-HUB", "PJM", "51288", "America/New_York", ("api.pjm.com",)),
        published=time(13, 30),
        call="get_lmp(DAY_AHEAD_HOURLY)",
        secret="pjm",  # noqa: S106  # the name of a secret
        per_second=0.1,  # six a minute without membership
        terms="PJM's terms: for internal use; passing it on needs a licence",
    ),
    _operator(
        *("SPP-NORTH-HUB", "SPP", "SPPNORTH_HUB", "America/Chicago", ("portal.spp.org",)),
        published=time(13),
        terms="SPP's terms of use",
    ),
)

_LIVE: Final = (
    _operator(
        *("AESO-POOL", "AESO", "", "America/Edmonton", ("apimgw.aeso.ca",)),
        published=None,
        call="get_pool_price",
        currency="CAD",
        secret="aeso",  # noqa: S106  # the name of a secret
        group="live",
        terms="AESO's terms of use",
    ),
    Market(
        name="GB-INDEX",
        operator="Elexon",
        library="elexonpy",
        call="balancing_pricing_market_index_get(APXMIDP)",
        code="GB",
        place="APXMIDP",
        product="spot",
        group="live",
        zone="Europe/London",
        currency="GBP",
        resolution="PT30M",
        publication=None,
        licence="BMRS Data Licence: free, to be named",
        hosts=("data.elexon.co.uk",),
        days=7,
    ),
)

NEM_ZONE: Final = "Australia/Brisbane"
"""Market time of Australia's national electricity market in all its regions: AEST, which has no summer."""

NEM_REGIONS: Final = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")

_NEM: Final = tuple(
    Market(
        name=region,
        operator="AEMO",
        library="nemosis",
        call="dynamic_data_compiler(TRADINGPRICE, DAILY_REGION_SUMMARY)",
        code="NEM",
        place=region,
        product="real-time",
        group="australia",
        zone=NEM_ZONE,
        currency="AUD",
        resolution="PT30M",
        # Five-minute settlement.
        resolution_from={date(2021, 10, 1): "PT5M"},
        publication=time(4, 10),  # a trading day ends at 04:00, and its report follows
        publication_day=1,
        licence="AEMO's copyright permissions: free, to be named",
        hosts=("nemweb.com.au",),
        days=7,
        per_second=1,
    )
    for region in NEM_REGIONS
)

MARKETS: Final[Mapping[str, Market]] = {
    market.name: market
    for market in sorted((*_EUROPE, *_AMERICA, *_LIVE, *_NEM), key=lambda market: market.name)
}
"""Name → market."""


def hosts(markets: Iterable[Market]) -> tuple[str, ...]:
    """Host names that the libraries ask for these markets, all by https."""
    return tuple(sorted({host for market in markets for host in market.hosts}))
