"""/v1/latest: each series' last price, its change, and the newest prediction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import catalogue, identity, paging
from workloads.data_api.answers import described, respond
from workloads.data_api.catalogue import Catalogues, InstrumentsQuery, Key
from workloads.data_api.guard import needs
from workloads.data_api.predictions import Alias
from workloads.data_api.questions import Answer, Page, Provenance
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.messages import Product
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, ML_PREDICTIONS, SCHEMA


class LatestQuery(InstrumentsQuery):
    """Which series; all by default."""

    limit: int = Field(200, ge=1, le=500, description="Series a page has at most.")


class Forecast(Answer):
    """The newest prediction of the period that follows."""

    made_from: datetime = Field(
        description="Start of the period that it was made from; of a forecast of a delivery day, of its own."
    )
    period_start: datetime | None = Field(description="As /v1/predictions has it.")
    issued_at: datetime
    prediction: float = Field(allow_inf_nan=False)
    lower: float = Field(allow_inf_nan=False)
    upper: float = Field(allow_inf_nan=False)
    nominal_level: float = Field(description="Share of prices that the interval is meant to hold.")
    model_name: str
    model_version: int
    model_alias: Alias
    skill: Literal["proven", "none"]


class Latest(Answer):
    """The last price of a series."""

    symbol: str
    source: str
    market: str
    product: Product
    resolution: str
    currency: str
    unit: str
    provenance: Provenance
    delivery_start: datetime
    delivery_end: datetime
    published_at: datetime
    price: float = Field(allow_inf_nan=False)
    previous_start: datetime | None = Field(
        description="Period that it is compared with: the one before, of periods shorter than a day the one"
        " at the same time a day earlier. Null where none is known."
    )
    previous_price: float | None
    change: float | None = Field(description="price - previous_price, in currency and unit.")
    forecast: Forecast | None = Field(description="Null where nothing was predicted.")


class LatestPage(Page):
    """Series in the order of /v1/instruments."""

    items: list[Latest]


# A look-up a series along an index, newest period first. Of a period the revision that holds, and only then
# whether it is of the series, since a revision may be of another product, and whether it was withdrawn.
_HELD: Final = sql.SQL(
    "SELECT * FROM (SELECT DISTINCT ON (delivery_start) * FROM {prices}"
    " WHERE source = k.source AND symbol = k.symbol AND resolution = k.resolution"
    " AND published_at <= %(as_of)s {and_} ORDER BY delivery_start DESC, published_at DESC) held"
    " WHERE market = k.market AND product = k.product AND currency = k.currency AND unit = k.unit"
    " AND provenance = k.provenance AND withdrawn IS NULL ORDER BY delivery_start DESC LIMIT 1"
)

# Days and quotes, which have no length, follow each other; what is shorter has its like a day of the clock
# earlier. Said as a range: of a range the months that it is not in are left out.
_FOLLOW: Final = (
    "CASE WHEN last.delivery_end - last.delivery_start >= interval '23 hours'"
    " OR last.delivery_end = last.delivery_start"
)
_LIKE: Final = "(last.delivery_start AT TIME ZONE k.zone - interval '1 day') AT TIME ZONE k.zone"
_BEFORE: Final = sql.SQL(
    "AND delivery_start < last.delivery_start"
    f" AND delivery_start >= {_FOLLOW} THEN '-infinity' ELSE {_LIKE} END"
    f" AND delivery_start <= {_FOLLOW} THEN last.delivery_start ELSE {_LIKE} END"
)

# Made from that very price, also once more as of a later correction in its window, or of the period that
# follows it.
_FORECAST: Final = sql.SQL(
    "SELECT * FROM {predictions} WHERE symbol = k.symbol AND source = k.source AND resolution = k.resolution"
    " AND available_time <= %(as_of)s"
    " AND event_time >= last.delivery_start AND event_time <= last.delivery_end"
    " AND (event_time = last.delivery_start AND delivery_start IS NULL"
    " AND price_available_time >= last.published_at"
    " OR event_time = last.delivery_end AND delivery_start IS NOT NULL)"
    " ORDER BY delivery_start NULLS LAST, price_available_time DESC LIMIT 1"
)

_PRICES: Final = sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY)
_SELECT: Final = sql.SQL(
    "SELECT k.symbol, k.source, k.market, k.product, k.resolution, k.currency, k.unit, k.provenance,"
    " last.delivery_start, last.delivery_end, last.published_at, last.price,"
    " before.delivery_start AS previous_start, before.price AS previous_price,"
    " last.price - before.price AS change, f.event_time AS made_from, f.delivery_start AS period_start,"
    " f.available_time AS issued_at, f.prediction, f.lower, f.upper, f.nominal_level,"
    " f.model_name, f.model_version, f.model_alias, f.skill"
    " FROM unnest(%(symbol)s::text[], %(source)s::text[], %(market)s::text[], %(product)s::text[],"
    " %(resolution)s::text[], %(currency)s::text[], %(unit)s::text[], %(provenance)s::text[],"
    " %(zone)s::text[]) WITH ORDINALITY"
    " AS k(symbol, source, market, product, resolution, currency, unit, provenance, zone, place)"
    " CROSS JOIN LATERAL ({last}) last LEFT JOIN LATERAL ({before}) before ON true"
    " LEFT JOIN LATERAL ({forecast}) f ON true ORDER BY k.place"
).format(
    last=_HELD.format(prices=_PRICES, and_=sql.SQL("")),
    before=_HELD.format(prices=_PRICES, and_=_BEFORE),
    forecast=_FORECAST.format(predictions=sql.Identifier(SCHEMA, ML_PREDICTIONS)),
)


def page(store: Store, listed: Catalogues, settings: DataApiSettings, query: LatestQuery) -> LatestPage:
    """The page that is asked for."""
    place = paging.place(query, Key)
    _, rows = listed.of(identity.asking().view).read()
    keys, following = paging.cut(query, place, catalogue.wanted(query, place, rows), catalogue.key_of)
    # All pages are as of the first one's instant; a delay that has grown since holds none the less.
    at = min(place.as_of, identity.newest())
    values: dict[str, Any] = {name: [key[name] for key in keys] for name in Key._fields}
    values["zone"] = [settings.zone(key["market"]) for key in keys]
    items = [_made(row) for row in store.rows(_SELECT, values | {"as_of": at})] if keys else []
    return LatestPage.model_validate({"items": items, "as_of": at, "next": following})


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""
    listed = catalogue.of(app, store, settings)

    @app.get(
        "/v1/latest",
        summary="Last prices, their change and forecast",
        description=__doc__,
        responses=described(LatestPage),
        operation_id="latest",
    )
    @needs("api", "read", session="hub")
    def latest(query: LatestQuery) -> Response:
        return respond(page(store, listed, settings, query), query, settings)


def _made(row: Row) -> dict[str, Any]:
    made = {name: row[name] for name in Latest.model_fields if name != "forecast"}
    forecast = {name: row[name] for name in Forecast.model_fields}
    return made | {"forecast": None if row["made_from"] is None else forecast}
