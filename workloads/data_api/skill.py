"""/v1/skill: how a symbol's models did against the naive last value, over the outcomes that are known."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import identity
from workloads.data_api.answers import described, respond
from workloads.data_api.guard import needs
from workloads.data_api.predictions import Alias
from workloads.data_api.questions import Answer, Instant, NameText, Page, Query
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.kit.contracts.messages import EARLIEST, LATEST
from workloads.kit.contracts.tables import PREDICTION_OUTCOMES, SCHEMA


class SkillQuery(Query):
    """Whose record over which time."""

    symbol: NameText = Field(description="Symbol, as /v1/instruments lists it.")
    start: Instant | None = Field(None, description="Predictions from periods that begin then or later.")
    end: Instant | None = Field(None, description="Predictions from periods that begin before.")


class Skill(Answer):
    """The record of one model under one alias. Real and synthetic prices share no figure."""

    symbol: str
    source: str = Field(description="Of the prices: errors of two sources, in two currencies, have no mean.")
    resolution: str
    data: Literal["real", "synthetic"]
    model_name: str
    model_version: int
    model_alias: Alias
    nominal_level: float
    outcomes: int
    first: datetime = Field(description="event_time of the first prediction that counts.")
    last: datetime = Field(description="event_time of the last one.")
    coverage: float = Field(description="Share of intervals that held the price that followed.")
    mean_absolute_error: float = Field(allow_inf_nan=False)
    naive_mean_absolute_error: float = Field(allow_inf_nan=False)
    skill: float | None = Field(
        description="1 - error / naive error: above 0 beats the last price. Null where that never erred."
    )


class SkillPage(Page):
    """One entry a source, model, alias and level; there is one page."""

    items: list[Skill]


_SELECT: Final = sql.SQL(
    "SELECT symbol, source, resolution,"
    " CASE WHEN provenance = 'synthetic' THEN 'synthetic' ELSE 'real' END AS data,"
    " model_name, model_version, model_alias, nominal_level, count(*)::int AS outcomes,"
    " min(event_time) AS first, max(event_time) AS last, avg(covered::int)::float8 AS coverage,"
    " avg(abs_error) AS mean_absolute_error, avg(naive_abs_error) AS naive_mean_absolute_error,"
    " 1 - avg(abs_error) / nullif(avg(naive_abs_error), 0) AS skill"
    " FROM {} WHERE symbol = %(symbol)s AND event_time >= %(start)s AND event_time < %(end)s"
    " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8"
).format(sql.Identifier(SCHEMA, PREDICTION_OUTCOMES))


def page(store: Store, query: SkillQuery) -> SkillPage:
    """All there are."""
    at = identity.newest()
    values = {"symbol": query.symbol, "start": query.start or EARLIEST, "end": query.end or LATEST}
    return SkillPage.model_validate({"items": store.rows(_SELECT, values), "as_of": at, "next": None})


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""

    @app.get(
        "/v1/skill",
        summary="The record of a symbol's models",
        description=__doc__,
        responses=described(SkillPage),
        operation_id="skill",
    )
    @needs("api", "read", session="hub")
    def skill(query: SkillQuery) -> Response:
        return respond(page(store, query), query, settings)
