"""/v1/indicators: what moves prices, forecast and measured, as of an instant, or with all revisions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple

from flask import Response
from flask_openapi3.openapi import OpenAPI
from pydantic import Field

from workloads.data_api import paging
from workloads.data_api.answers import described, respond
from workloads.data_api.guard import needs
from workloads.data_api.questions import (
    Answer,
    Instant,
    NameText,
    Page,
    Provenance,
    ResolutionText,
)
from workloads.data_api.revisions import RevisionsQuery, select
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.indicators import INDICATOR_PATTERN, IndicatorKind
from workloads.kit.contracts.messages import EARLIEST, LATEST, Name, Resolution, Utc
from workloads.kit.contracts.tables import MARKET_INDICATORS


class IndicatorsQuery(RevisionsQuery):
    """Indicators of a zone."""

    zone: NameText = Field(description="Market or bidding zone, such as DE-LU.")
    name: Annotated[str, Field(pattern=INDICATOR_PATTERN, max_length=64)] = Field(
        description="What is forecast or measured: load, wind, solar, temperature, gas, carbon, …"
    )
    kind: IndicatorKind | None = Field(None, description="Only what was forecast, or what was measured.")
    source: NameText | None = Field(None, description="Only of this source.")
    resolution: ResolutionText | None = Field(
        None, description="Only of this resolution, an ISO 8601 duration such as PT15M, PT1H, P1D."
    )
    start: Instant | None = Field(None, description="Of periods that begin then or later.")
    end: Instant | None = Field(None, description="Of periods that begin before.")


class IndicatorRow(Answer):
    """The value of one delivery period [delivery_start, delivery_end), in `unit`."""

    zone: str = Field(description="Market or bidding zone.")
    name: str = Field(description="What is forecast or measured.")
    kind: IndicatorKind = Field(description="Whether it was said beforehand or measured.")
    source: str = Field(description="Who gave it.")
    resolution: str = Field(description="Length of the series' periods: ISO 8601 duration.")
    delivery_start: datetime = Field(description="Start of the period.")
    delivery_end: datetime = Field(description="Its end, which is no part of it.")
    published_at: datetime = Field(description="When it was made known.")
    value: float = Field(description="May be zero or negative.", allow_inf_nan=False)
    unit: str = Field(description="What the value is counted in.")
    provenance: Provenance = Field(description="Whether it is the market's, replayed or made by a generator.")
    correction: bool = Field(description="Whether it revises an earlier one.")
    replayed_from: datetime | None = Field(description="Of a replayed value: the day that it is of.")


class IndicatorPage(Page):
    """Values by kind, source, resolution, delivery_start and published_at: a series after the other."""

    items: list[IndicatorRow]


class SeriesKey(NamedTuple):
    """The order of rows, and what their cursor holds: the primary key's, after zone and name."""

    kind: IndicatorKind
    source: Name
    resolution: Resolution
    start: Utc
    published: Utc


_SELECT: Final = select(
    MARKET_INDICATORS,
    columns=tuple(IndicatorRow.model_fields),
    of=("zone", "name"),
    identity=("kind", "source", "resolution", "delivery_start"),
    holds="true",
)


def _key(row: Row) -> SeriesKey:
    return SeriesKey(
        row["kind"], row["source"], row["resolution"], row["delivery_start"], row["published_at"]
    )


def page(store: Store, query: IndicatorsQuery) -> IndicatorPage:
    """The page that is asked for."""
    place = paging.place(query, SeriesKey)
    values: dict[str, Any] = {
        **query.model_dump(include={"zone", "name", "kind", "source", "resolution"}),
        "start": query.start or EARLIEST,
        "end": query.end or LATEST,
        "as_of": place.as_of,
        "count": query.limit + 1,
        **{f"after_{name}": getattr(place.after, name, None) for name in SeriesKey._fields},
    }
    rows, following = paging.cut(query, place, store.rows(_SELECT[query.revisions], values), _key)
    return IndicatorPage.model_validate({"items": rows, "as_of": place.as_of, "next": following})


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""

    @app.get(
        "/v1/indicators",
        summary="Indicators by delivery period",
        description=__doc__,
        responses=described(IndicatorPage),
        operation_id="indicators",
    )
    @needs("api", "read", session="hub")
    def indicators(query: IndicatorsQuery) -> Response:
        return respond(page(store, query), query, settings)
