"""/v1/predictions: what was predicted, with its interval, and what came of it as of an instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import paging
from workloads.data_api.answers import described, respond
from workloads.data_api.guard import needs
from workloads.data_api.paging import PeriodKey, Place
from workloads.data_api.questions import (
    Answer,
    Page,
    PeriodsQuery,
    Provenance,
)
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, ML_PREDICTIONS, SCHEMA

Alias = Literal["champion", "challenger", "naive"]


class PredictionsQuery(PeriodsQuery):
    """Predictions of a symbol."""


class Outcome(Answer):
    """The price that followed."""

    delivery_start: datetime = Field(description="Start of the period that it is of.")
    published_at: datetime = Field(description="When the market made it known, as it now is.")
    price: float = Field(description="What came of it.", allow_inf_nan=False)
    covered: bool = Field(description="Whether the interval held it.")
    error: float = Field(description="Of the prediction: its distance from the price.", allow_inf_nan=False)
    naive_error: float = Field(description="Of the last price, taken as a prediction.", allow_inf_nan=False)


class Driver(Answer):
    """A group of inputs that moved a forecast."""

    by: float = Field(
        description="How far it moved the prediction from that of a usual day of its weekday.",
        allow_inf_nan=False,
    )
    input: str


class Prediction(Answer):
    """A prediction of the price of the next period, in the symbol's unit."""

    symbol: str = Field(description="As /v1/instruments lists it.")
    source: str = Field(description="Whose prices it was made from.")
    market: str = Field(description="As /v1/markets lists it.")
    resolution: str = Field(description="Length of the series' periods: ISO 8601 duration.")
    provenance: Provenance = Field(
        description="Whether those prices are the market's, replayed or made by a generator."
    )
    event_time: datetime = Field(
        description="Start of the last period that it was made from; of a forecast of a whole delivery day"
        " (model_name begins with delivery-day), of the period that it is of."
    )
    period_start: datetime | None = Field(
        description="Start of the period that it is of, for a forecast of a delivery day; null is the period"
        " that follows event_time."
    )
    price_published_at: datetime = Field(
        description="When that period's price was known; of a forecast of a delivery day, when it was issued."
    )
    issued_at: datetime = Field(description="When the prediction was made.")
    horizon_periods: int = Field(description="How many periods ahead it is.")
    price: float = Field(
        description="The naive forecast: the last price, or that of the period a day or a week before.",
        allow_inf_nan=False,
    )
    prediction: float = Field(description="The price that is expected.", allow_inf_nan=False)
    lower: float = Field(description="Lower end of the interval.", allow_inf_nan=False)
    upper: float = Field(description="Upper end of the interval.", allow_inf_nan=False)
    nominal_level: float = Field(description="Share of prices that the interval is meant to hold.")
    model_name: str = Field(description="Name in the registry.")
    model_version: int = Field(description="Version in the registry.")
    model_alias: Alias = Field(
        description="What the model then was: champion, challenger, or naive where there was none."
    )
    skill: Literal["proven", "none"] = Field(
        description="Whether the model had beaten the naive last value on a window that it had not seen."
    )
    skill_score: float | None = Field(
        description="Share of the naive error that the model had saved on that window."
    )
    moved_by: list[Driver] | None = Field(
        description="Of a forecast of a delivery day: what moved it, the most first. Null where nobody said."
    )
    outcome: Outcome | None = Field(
        description="Null while it is not known, where it was known when the prediction was made, and where"
        " it was withdrawn."
    )


class PredictionPage(Page):
    """Predictions by event_time, source, resolution and price_published_at."""

    items: list[Prediction]


_PAGE: Final = sql.SQL(
    "SELECT * FROM {predictions} WHERE symbol = %(symbol)s"
    " AND event_time >= %(start)s AND event_time < %(end)s AND available_time <= %(as_of)s"
    " AND (%(source)s::text IS NULL OR source = %(source)s)"
    " AND (%(resolution)s::text IS NULL OR resolution = %(resolution)s)"
    " AND (%(after_start)s::timestamptz IS NULL OR (event_time, source, resolution, price_available_time)"
    " > (%(after_start)s, %(after_source)s, %(after_resolution)s, %(after_published)s))"
    " ORDER BY event_time, source, resolution, price_available_time LIMIT %(count)s"
).format(predictions=sql.Identifier(SCHEMA, ML_PREDICTIONS))


def with_outcomes(chosen: sql.Composable) -> sql.Composed:
    """Rows of ml_predictions with what came of them as of `%(as_of)s`, in their columns' public names; of the
    outcome `delivery_start`, `published_at` and `realised`.

    It is what the view `prediction_outcomes` has, as of an instant, but of each prediction and not of a
    period's last alone: the period that followed, or the one that a forecast of a delivery day is of, by the
    price of it that held then, where nothing of it was known when the prediction was made. Nothing came of a
    prediction of a period whose price was withdrawn. Another source's price is no outcome: it may be of
    another currency.

    Args:
        chosen: statement that selects the rows, all columns.
    """
    return sql.SQL(
        "WITH page AS ({chosen})"
        " SELECT p.symbol, p.source, p.market, p.resolution, p.provenance, p.event_time,"
        " p.delivery_start AS period_start,"
        " p.price_available_time AS price_published_at, p.available_time AS issued_at,"
        " p.horizon_sessions AS horizon_periods, p.price, p.prediction, p.lower, p.upper, p.nominal_level,"
        " p.model_name, p.model_version, p.model_alias, p.skill, p.skill_score,"
        " p.moved_by, o.delivery_start, o.published_at, o.price AS realised"
        " FROM page p"
        " LEFT JOIN LATERAL (SELECT first.delivery_start, held.published_at, held.price"
        " FROM (SELECT delivery_start, published_at FROM {prices}"
        " WHERE symbol = p.symbol AND source = p.source AND resolution = p.resolution"
        " AND delivery_start >= coalesce(p.delivery_start, p.event_time + interval '1 microsecond')"
        " AND delivery_start <= coalesce(p.delivery_start, 'infinity') AND published_at <= %(as_of)s"
        " ORDER BY delivery_start, published_at LIMIT 1) first"
        " CROSS JOIN LATERAL (SELECT published_at, price, withdrawn FROM {prices}"
        " WHERE symbol = p.symbol AND source = p.source AND resolution = p.resolution"
        " AND delivery_start = first.delivery_start AND published_at <= %(as_of)s"
        " ORDER BY published_at DESC LIMIT 1) held"
        " WHERE first.published_at > p.available_time AND held.withdrawn IS NULL) o ON true"
    ).format(chosen=chosen, prices=sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY))


_SELECT: Final = with_outcomes(_PAGE) + sql.SQL(
    " ORDER BY p.event_time, p.source, p.resolution, p.price_available_time"
)


def _key(row: Row) -> PeriodKey:
    return PeriodKey(row["event_time"], row["source"], row["resolution"], row["price_published_at"])


_EACH: Final = paging.each(_SELECT, ("event_time", "source", "resolution", "price_published_at"))


def page(store: Store, query: PredictionsQuery) -> PredictionPage:
    """The page that is asked for."""
    at = paging.place(query, PeriodKey)
    return _page(query, at, store.rows(_SELECT, paging.of_periods(query, at)))


def pages(store: Store, queries: Sequence[PredictionsQuery]) -> list[Callable[[], PredictionPage]]:
    """The first page of each of several questions, by one statement; each when it is called for.

    The questions differ in symbol, source and resolution alone.
    """
    at = paging.place(queries[0], PeriodKey)
    found = store.rows(_EACH, paging.of_each(queries, at))
    return [partial(_page, query, at, rows) for query, rows in paging.parted(queries, found)]


def _page(query: PredictionsQuery, at: Place[PeriodKey], found: Sequence[Row]) -> PredictionPage:
    rows, following = paging.cut(query, at, found, _key)
    return PredictionPage.model_validate(
        {"items": [_made(row) for row in rows], "as_of": at.as_of, "next": following}
    )


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""

    @app.get(
        "/v1/predictions",
        summary="Predictions and their outcomes",
        description=__doc__,
        responses=described(PredictionPage),
        operation_id="predictions",
    )
    @needs("api", "read", session="hub")
    def predictions(query: PredictionsQuery) -> Response:
        return respond(page(store, query), query, settings)


def _made(row: Row) -> dict[str, Any]:
    made = {name: row[name] for name in Prediction.model_fields if name not in ("outcome", "moved_by")}
    moved: dict[str, float] | None = row["moved_by"]
    made["moved_by"] = (
        [{"by": by, "input": name} for name, by in sorted(moved.items(), key=lambda one: -abs(one[1]))]
        if moved
        else None
    )
    if row["delivery_start"] is None:
        return made | {"outcome": None}
    realised = row["realised"]
    return made | {
        "outcome": {
            "delivery_start": row["delivery_start"],
            "published_at": row["published_at"],
            "price": realised,
            "covered": row["lower"] <= realised <= row["upper"],
            "error": abs(realised - row["prediction"]),
            "naive_error": abs(realised - row["price"]),
        }
    }
