"""/v1/prices: delivery periods with their prices, as of an instant, or with all their revisions."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, LiteralString

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import paging
from workloads.data_api.answers import described, respond
from workloads.data_api.display import Displayed, DisplayQuery, displayed
from workloads.data_api.guard import needs
from workloads.data_api.paging import PeriodKey
from workloads.data_api.questions import (
    Answer,
    Page,
    PeriodsQuery,
    Provenance,
)
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.messages import Product
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, SCHEMA


class PricesQuery(PeriodsQuery, DisplayQuery):
    """Prices of a symbol."""

    revisions: Literal["latest", "all"] = Field(
        "latest", description="Of each period the revision that held at `as_of`, or all until then."
    )


class Price(Answer):
    """A price of one delivery period [delivery_start, delivery_end), in `currency` per `unit`."""

    symbol: str
    source: str
    market: str
    product: Product
    resolution: str = Field(description="Length of the series' periods: ISO 8601 duration; PT0S is a quote.")
    delivery_start: datetime
    delivery_end: datetime
    published_at: datetime = Field(description="When the market made it known.")
    price: float = Field(description="May be zero or negative.", allow_inf_nan=False)
    currency: str
    unit: str
    provenance: Provenance
    correction: bool = Field(description="Whether it revises an earlier one.")
    replayed_from: datetime | None = Field(description="Of a replayed price: the day that it is of.")


class PricePage(Page, Displayed):
    """Prices by delivery_start, source, resolution and published_at."""

    items: list[Price]


# The index is (symbol, delivery_start, published_at): walked from the range's start, sorted a period at a
# time, and left at the limit. `start` is the cursor's where there is one, so that no row is walked twice.
def _select(
    distinct: LiteralString, key: LiteralString, given: LiteralString, order: LiteralString
) -> sql.Composed:
    return sql.SQL(
        "SELECT {distinct} {columns} FROM {table}"
        " WHERE symbol = %(symbol)s AND delivery_start >= %(start)s AND delivery_start < %(end)s"
        " AND published_at <= %(as_of)s"
        " AND (%(source)s::text IS NULL OR source = %(source)s)"
        " AND (%(resolution)s::text IS NULL OR resolution = %(resolution)s)"
        " AND (%(after_start)s::timestamptz IS NULL OR {key} > {given})"
        " ORDER BY delivery_start, source, resolution, published_at {order} LIMIT %(count)s"
    ).format(
        distinct=sql.SQL(distinct),
        columns=sql.SQL(", ").join(map(sql.Identifier, Price.model_fields)),
        table=sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY),
        key=sql.SQL(key),
        given=sql.SQL(given),
        order=sql.SQL(order),
    )


_SELECT: Final = {
    "latest": _select(
        "DISTINCT ON (delivery_start, source, resolution)",
        "(delivery_start, source, resolution)",
        "(%(after_start)s, %(after_source)s, %(after_resolution)s)",
        "DESC",
    ),
    "all": _select(
        "",
        "(delivery_start, source, resolution, published_at)",
        "(%(after_start)s, %(after_source)s, %(after_resolution)s, %(after_published)s)",
        "ASC",
    ),
}


def _key(row: Row) -> PeriodKey:
    return PeriodKey(row["delivery_start"], row["source"], row["resolution"], row["published_at"])


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
        place = paging.place(query, PeriodKey)
        found = store.rows(_SELECT[query.revisions], paging.of_periods(query, place))
        rows, following = paging.cut(query, place, found, _key)
        shown, conversion = displayed(rows, ("price",), query)
        page = PricePage.model_validate(
            {"items": shown, "as_of": place.as_of, "next": following, "conversion": conversion}
        )
        return respond(page, query, settings)
