"""/v1/prices: delivery periods with their prices, as of an instant, or with all their revisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from flask import Response
from flask_openapi3.openapi import OpenAPI
from pydantic import Field

from workloads.data_api import paging
from workloads.data_api.answers import described, respond
from workloads.data_api.display import Displayed, DisplayQuery, displayed
from workloads.data_api.guard import needs
from workloads.data_api.paging import PeriodKey, Place
from workloads.data_api.questions import (
    Answer,
    Page,
    PeriodsQuery,
    Provenance,
)
from workloads.data_api.revisions import RevisionsQuery, select
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.messages import Product, Withdrawn
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY


class PricesQuery(PeriodsQuery, RevisionsQuery, DisplayQuery):
    """Prices of a symbol."""


class Price(Answer):
    """A price of one delivery period [delivery_start, delivery_end), in `currency` per `unit`."""

    symbol: str = Field(description="As /v1/instruments lists it.")
    source: str = Field(description="Who gave it.")
    market: str = Field(description="As /v1/markets lists it.")
    product: Product = Field(description="What was traded.")
    resolution: str = Field(description="Length of the series' periods: ISO 8601 duration; PT0S is a quote.")
    delivery_start: datetime = Field(description="Start of the period.")
    delivery_end: datetime = Field(description="Its end, which is no part of it.")
    published_at: datetime = Field(description="When the market made it known.")
    price: float = Field(description="May be zero or negative.", allow_inf_nan=False)
    currency: str = Field(description="ISO 4217 code, or GBp: pence.")
    unit: str = Field(description="What the price is for one of.")
    provenance: Provenance = Field(description="Whether it is the market's, replayed or made by a generator.")
    correction: bool = Field(description="Whether it revises an earlier one.")
    withdrawn: Withdrawn | None = Field(
        description="Of a revision that takes `price` back, so that from then on the period has none: by its"
        " `source`, which has none any more, or by the `platform`, which holds it to be wrong. Null of all"
        " that hold; withdrawals are among `revisions=all` alone."
    )
    replayed_from: datetime | None = Field(description="Of a replayed price: the day that it is of.")


class PricePage(Page, Displayed):
    """Prices by delivery_start, source, resolution and published_at."""

    items: list[Price]


# The index is (symbol, delivery_start, published_at): walked from the range's start, sorted a period at a
# time, and left at the limit. `start` is the cursor's where there is one, so that no row is walked twice.
_SELECT: Final = select(
    COMMODITY_PRICES_DAILY,
    columns=tuple(Price.model_fields),
    of=("symbol",),
    identity=("delivery_start", "source", "resolution"),
    holds="withdrawn IS NULL",
)


def _key(row: Row) -> PeriodKey:
    return PeriodKey(row["delivery_start"], row["source"], row["resolution"], row["published_at"])


_EACH: Final = {
    kind: paging.each(statement, ("delivery_start", "source", "resolution", "published_at"))
    for kind, statement in _SELECT.items()
}


def page(store: Store, query: PricesQuery) -> PricePage:
    """The page that is asked for. Refused where its prices cannot be shown as asked."""
    at = paging.place(query, PeriodKey)
    return _page(query, at, store.rows(_SELECT[query.revisions], paging.of_periods(query, at)))


def pages(store: Store, queries: Sequence[PricesQuery]) -> list[Callable[[], PricePage]]:
    """The first page of each of several questions, by one statement; each when it is called for, as `page`.

    The questions differ in symbol, source and resolution alone.
    """
    at = paging.place(queries[0], PeriodKey)
    found = store.rows(_EACH[queries[0].revisions], paging.of_each(queries, at))
    return [partial(_page, query, at, rows) for query, rows in paging.parted(queries, found)]


def _page(query: PricesQuery, at: Place[PeriodKey], found: Sequence[Row]) -> PricePage:
    rows, following = paging.cut(query, at, found, _key)
    shown, conversion = displayed(rows, ("price",), query)
    return PricePage.model_validate(
        {"items": shown, "as_of": at.as_of, "next": following, "conversion": conversion}
    )


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""

    @app.get(
        "/v1/prices",
        summary="Prices by delivery period",
        description=__doc__,
        responses=described(PricePage),
        operation_id="prices",
    )
    @needs("api", "read", session="hub")
    def prices(query: PricesQuery) -> Response:
        return respond(page(store, query), query, settings)
