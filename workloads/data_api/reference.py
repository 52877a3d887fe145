"""/v1/markets and /v1/units: what a market's days and peak hours are, and which units are converted."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final

from flask import Response
from flask_openapi3.openapi import OpenAPI
from pydantic import Field

from workloads.data_api.answers import described, respond
from workloads.data_api.guard import needs
from workloads.data_api.questions import Answer, Page, Query
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.kit import markets as table
from workloads.kit.units import UNITS

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_OTHER: Final = "other"


class MarketsQuery(Query):
    """In which form."""


class Market(Answer):
    """A market's calendar."""

    market: str = Field(
        description="As /v1/instruments names it; other stands for those that are not listed."
    )
    time_zone: str = Field(description="IANA time zone of its days, where `tz` is not given.")
    peak_weekdays: str = Field(description="Days of peak hours.")
    holidays: str = Field(description="What holidays among them are.")
    peak_start: str = Field(description="Local time at which they begin.")
    peak_end: str = Field(description="Local time at which they end.")


class MarketPage(Page):
    """All there are; there is one page."""

    items: list[Market]


class UnitsQuery(Query):
    """In which form."""


class UnitRow(Answer):
    """A unit that prices are converted to, within its dimension."""

    unit: str
    dimension: str
    factor: float = Field(description="J, W, m3 or kg that one has.")
    source: str = Field(description="Who says so.")


class UnitPage(Page):
    """All there are; there is one page."""

    items: list[UnitRow]


def market_page(settings: DataApiSettings) -> MarketPage:
    """All markets."""
    zones = settings.zones
    names = [*sorted(zones.keys() | table.PEAKS.keys()), _OTHER]
    items = [_market(name, zones.get(name, table.DEFAULT_ZONE)) for name in names]
    return MarketPage(items=items, as_of=datetime.now(UTC), next=None)


def unit_page() -> UnitPage:
    """All units."""
    return UnitPage(items=_units(), as_of=datetime.now(UTC), next=None)


def routes(app: OpenAPI, _store: Store, settings: DataApiSettings) -> None:
    """Add the routes."""

    @app.get(
        "/v1/markets",
        summary="Days and peak hours of markets",
        description=__doc__,
        responses=described(MarketPage),
        operation_id="markets",
    )
    @needs("api", "read", session="hub")
    def markets(query: MarketsQuery) -> Response:
        return respond(market_page(settings), query, settings)

    @app.get(
        "/v1/units",
        summary="Units that prices are converted to",
        description=__doc__,
        responses=described(UnitPage),
        operation_id="units",
    )
    @needs("api", "read", session="hub")
    def units(query: UnitsQuery) -> Response:
        return respond(unit_page(), query, settings)


@cache
def _market(name: str, zone: str) -> Market:
    peak = table.peak(name)
    return Market(
        market=name,
        time_zone=zone,
        holidays=peak.holidays,
        peak_weekdays=" ".join(_WEEKDAYS[one] for one in sorted(peak.weekdays)),
        peak_start=f"{peak.start:%H:%M}",
        peak_end=f"{peak.end:%H:%M}",
    )


@cache
def _units() -> list[UnitRow]:
    return [
        UnitRow(unit=name, dimension=one.dimension, factor=float(one.factor), source=one.source)
        for name, one in UNITS.items()
    ]
