"""/v1/aggregates: prices by hour, day, week or month of a time zone, base, peak or off-peak.

A period counts by its length, and none is cut. An hour, day, week or month begins and ends as its clock has
it, and is given where at least one price of it is known: `covered_hours` says of how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import buckets, cursors, paging, series
from workloads.data_api.answers import described, respond
from workloads.data_api.buckets import Every, Profile, Span
from workloads.data_api.display import Displayed, DisplayQuery, displayed
from workloads.data_api.guard import needs
from workloads.data_api.problems import Refused
from workloads.data_api.questions import (
    Answer,
    AsOfQuery,
    Instant,
    NameText,
    Page,
    Provenance,
    ResolutionText,
)
from workloads.data_api.settings import DataApiSettings, ZoneName
from workloads.data_api.store import Row, Store
from workloads.kit import markets
from workloads.kit.contracts.messages import Product, Utc
from workloads.kit.periods import Resolution


class AggregatesQuery(AsOfQuery, DisplayQuery):
    """Which prices to aggregate to what."""

    symbol: NameText = Field(description="Symbol, as /v1/instruments lists it.")
    source: NameText | None = Field(None, description="Of this source: where the symbol has several.")
    resolution: ResolutionText | None = Field(
        None, description="From prices of this resolution, such as PT15M: where the symbol has several."
    )
    product: Product | None = Field(None, description="Of this product: where the symbol has several.")
    start: Instant = Field(description="Where the first hour, day, week or month begins, in `tz`.")
    end: Instant = Field(description="Where the last one ends.")
    every: Every = Field("day", description="hour, day, week (from Monday) or month, of `tz`.")
    profile: Profile = Field(
        "base",
        description="base is all hours; peak is Monday to Friday, 08 to 20 of `tz`; off-peak the rest.",
    )
    tz: ZoneName | None = Field(
        None, description="IANA time zone, such as Europe/Berlin; the market's by default, else UTC."
    )
    limit: int = Field(366, ge=1, le=1000, description="Hours, days, weeks or months that a page looks at.")


class Aggregate(Answer):
    """Prices of one hour, day, week or month [start, end), in `currency` per `unit`."""

    symbol: str
    source: str
    market: str
    product: Product
    provenance: Provenance
    resolution: str = Field(description="Of the prices that it is made from.")
    currency: str
    unit: str
    time_zone: str
    start: datetime
    end: datetime
    hours: float = Field(description="Hours of the profile that it has: 23, 24 or 25 of a day's base.")
    covered_hours: float = Field(description="Hours of which a price is known.")
    periods: int
    mean: float = Field(description="By the length of the periods.", allow_inf_nan=False)
    min: float = Field(allow_inf_nan=False)
    max: float = Field(allow_inf_nan=False)


class AggregatePage(Page, Displayed):
    """Aggregates in the order of time. A page may have fewer than `limit`, and none, and still a next one."""

    items: list[Aggregate]


class Key(NamedTuple):
    """Where the next page begins."""

    start: Utc


# `edges` are the starts and ends of the profile's parts in turn: an odd number of edges before a price says
# that it is within a part, and which. A price that reaches over the next edge is `cut` by it; one of local
# days is `cut`, too, where it is none of them (`days`, null where it is of a clock).
_SELECT: Final = sql.SQL(
    "WITH {held}, placed AS (SELECT *, width_bucket(delivery_start, %(edges)s::timestamptz[]) AS edge,"
    " extract(epoch FROM delivery_end - delivery_start)::float8 AS seconds FROM held)"
    " SELECT edge, count(*)::int AS periods, sum(seconds) AS seconds, sum(price * seconds) AS weighted,"
    " min(price) AS min, max(price) AS max, min(delivery_start) FILTER (WHERE"
    " delivery_end > (%(edges)s::timestamptz[])[edge + 1] OR NOT (%(days)s::timestamptz[] IS NULL"
    " OR delivery_start = ANY(%(days)s::timestamptz[]) AND delivery_end = ANY(%(days)s::timestamptz[])))"
    " AS cut FROM placed GROUP BY edge ORDER BY edge"
).format(held=series.HELD)


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""

    @app.get(
        "/v1/aggregates",
        summary="Prices by hour, day, week or month",
        description=__doc__,
        responses=described(AggregatePage),
        operation_id="aggregates",
    )
    @needs("api", "read", session="hub")
    def aggregates(query: AggregatesQuery) -> Response:
        place = paging.place(query, Key)
        values: dict[str, Any] = {
            **query.model_dump(include={"symbol", "start", "end", *series.CHOSEN}),
            "as_of": place.as_of,
        }
        found = series.found(store, values)
        # The market says what its days and its peak hours are.
        series.one(query.symbol, found, ("market",))
        market: str = found[0]["market"] if found else ""
        name = query.tz or settings.zone(market)
        zone, peak = ZoneInfo(name), markets.peak(market)
        if query.tz is not None or found:  # else nobody knows whose days are meant, and there are none
            _whole(query, zone)

        def within(spans: Iterable[Span]) -> list[tuple[int, Span]]:
            return [
                (number, part)
                for number, span in enumerate(spans)
                for part in buckets.parts(span, query.profile, peak, zone)
            ]

        of = series.only(
            store,
            values,
            found,
            lambda a, b: [part for _, part in within([_around(a, b, query.every, zone)])],
        )
        begin = place.after.start if place.after else query.start
        spans = list(islice(buckets.starting(begin, query.end, query.every, zone), query.limit + 1))
        following = None
        if len(spans) > query.limit:
            following = cursors.encode(paging.asked(query), place.as_of, Key(spans.pop()[0]))
        items: list[dict[str, Any]] = []
        if of is not None and (parts := within(spans)):
            resolution = _dividing(of["resolution"], query)
            values |= {"start": parts[0][1][0], "end": parts[-1][1][1]}
            rows = _read(store, query, values, resolution, zone, [part for _, part in parts])
            told = {column: of[column] for column in series.COLUMNS}
            items = _made({"symbol": query.symbol, **told, "time_zone": name}, spans, parts, rows)
        items, conversion = displayed(items, ("mean", "min", "max"), query)
        page = AggregatePage.model_validate(
            {"items": items, "as_of": place.as_of, "next": following, "conversion": conversion}
        )
        return respond(page, query, settings)


def _around(first: datetime, last: datetime, every: Every, zone: ZoneInfo) -> Span:
    return buckets.around(first, every, zone)[0], buckets.around(last, every, zone)[1]


def _whole(query: AggregatesQuery, zone: ZoneInfo) -> None:
    """Refused where one of them would be left out in part, and so whole, without a word."""
    for field, at in (("start", query.start), ("end", query.end)):
        before, after = buckets.around(at, query.every, zone)
        if at != before:
            near = " or ".join(
                one.astimezone(zone).isoformat().replace("+", "%2B") for one in (before, after)
            )
            raise Refused(
                422,
                f"no {query.every} of {zone.key} begins then",
                field=field,
                value=at.isoformat(),
                remedy=f"give {near}, or another tz",
                reason="invalid",
            )


def _dividing(text: str, query: AggregatesQuery) -> Resolution:
    resolution = Resolution.parse(text)
    if resolution.clock == timedelta(0):
        raise Refused(
            422,
            f"prices of resolution {text} are quotes of an instant, and have no length to be weighed by",
            field="resolution",
            value=query.resolution,
            remedy="ask /v1/prices for them, or give another resolution of the symbol",
            reason="invalid",
        )
    if not buckets.divides(resolution, query.every, query.profile):
        raise _uneven(
            f"prices of resolution {text} do not divide into {query.profile} by {query.every}", query
        )
    return resolution


def _uneven(detail: str, query: AggregatesQuery, remedy: str = "") -> Refused:
    field = "every" if query.profile == "base" else "profile"
    return Refused(
        422,
        detail,
        field=field,
        value=query.every if field == "every" else query.profile,
        remedy=remedy or "ask for base, for a longer `every`, or for prices of another resolution",
        reason="invalid",
    )


def _read(
    store: Store,
    query: AggregatesQuery,
    values: Mapping[str, Any],
    resolution: Resolution,
    zone: ZoneInfo,
    parts: Sequence[Span],
) -> list[Row]:
    """A row a part with prices; `edge` is twice the part's number, and one. Refused where one is cut."""
    days = None if resolution.clock else buckets.edges((values["start"], values["end"]), zone)
    edges = [edge for part in parts for edge in part]
    rows = store.rows(_SELECT, {**values, "edges": edges, "days": days})
    cut = min((row["cut"] for row in rows if row["cut"] is not None), default=None)
    if cut is not None:
        raise _uneven(
            f"the price of {resolution.text} from {cut.isoformat()} on is of no {query.profile} by"
            f" {query.every} of {zone.key} alone",
            query,
            "give the tz that the prices' days are of, a longer `every`, or ask /v1/prices for them",
        )
    return [row for row in rows if row["edge"] % 2]


def _made(
    told: Mapping[str, Any], spans: Sequence[Span], parts: Sequence[tuple[int, Span]], found: Sequence[Row]
) -> list[dict[str, Any]]:
    hours = [0.0] * len(spans)
    for number, (start, end) in parts:
        hours[number] += (end - start).total_seconds() / 3600
    by_number: dict[int, list[Row]] = {}
    for row in found:
        by_number.setdefault(parts[row["edge"] // 2][0], []).append(row)
    made: list[dict[str, Any]] = []
    for number, rows in by_number.items():
        seconds = sum(row["seconds"] for row in rows)
        made.append(
            {
                **told,
                "start": spans[number][0],
                "end": spans[number][1],
                "hours": hours[number],
                "covered_hours": seconds / 3600,
                "periods": sum(row["periods"] for row in rows),
                "mean": sum(row["weighted"] for row in rows) / seconds,
                "min": min(row["min"] for row in rows),
                "max": max(row["max"] for row in rows),
            }
        )
    return made
