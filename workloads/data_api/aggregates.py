"""/v1/aggregates: prices by hour, day, week or month of a time zone, base, peak or off-peak.

A period counts where its delivery begins, by its length. An hour, day, week or month is always whole, and is
given where at least one price of it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import buckets, cursors, markets, paging
from workloads.data_api.answers import described, respond
from workloads.data_api.buckets import Every, Profile, Span
from workloads.data_api.problems import Refused
from workloads.data_api.questions import Answer, AsOfQuery, Instant, NameText, Page, ResolutionText
from workloads.data_api.settings import DataApiSettings, ZoneName
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.messages import Utc
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, SCHEMA
from workloads.kit.periods import Resolution


class AggregatesQuery(AsOfQuery):
    """Which prices to aggregate to what."""

    symbol: NameText = Field(description="Symbol, as /v1/instruments lists it.")
    source: NameText | None = Field(None, description="Of this source: where the symbol has several.")
    resolution: ResolutionText | None = Field(
        None, description="From prices of this resolution, such as PT15M: where the symbol has several."
    )
    start: Instant = Field(description="The first hour, day, week or month begins then or later.")
    end: Instant = Field(description="The last one begins before.")
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


class AggregatePage(Page):
    """Aggregates in the order of time. A page may have fewer than `limit`, and none, and still a next one."""

    items: list[Aggregate]


class Key(NamedTuple):
    """Where the next page begins."""

    start: Utc


_TABLE: Final = sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY)

_MARKET: Final = sql.SQL("SELECT market FROM {} WHERE symbol = %(symbol)s LIMIT 1").format(_TABLE)

# `edges` are the starts and ends of the profile's parts in turn: an odd number of edges before a price says
# that it is within a part, and which.
_SELECT: Final = sql.SQL(
    "WITH held AS (SELECT DISTINCT ON (delivery_start, source, resolution) delivery_start, source,"
    " resolution, currency, unit, price,"
    " extract(epoch FROM delivery_end - delivery_start)::float8 AS seconds FROM {table}"
    " WHERE symbol = %(symbol)s AND delivery_start >= %(start)s AND delivery_start < %(end)s"
    " AND published_at <= %(as_of)s"
    " AND (%(source)s::text IS NULL OR source = %(source)s)"
    " AND (%(resolution)s::text IS NULL OR resolution = %(resolution)s)"
    " ORDER BY delivery_start, source, resolution, published_at DESC)"
    " SELECT width_bucket(delivery_start, %(edges)s::timestamptz[]) AS edge, source, resolution, currency,"
    " unit, count(*)::int AS periods, sum(seconds) AS seconds, sum(price * seconds) AS weighted,"
    " min(price) AS min, max(price) AS max FROM held GROUP BY 1, 2, 3, 4, 5 ORDER BY 1"
).format(table=_TABLE)

_SERIES: Final = ("source", "resolution", "currency", "unit")


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""

    @app.get(
        "/v1/aggregates",
        summary="Prices by hour, day, week or month",
        description=__doc__,
        responses=described(AggregatePage),
        operation_id="aggregates",
    )
    def aggregates(query: AggregatesQuery) -> Response:
        place = paging.place(query, Key)
        known = store.rows(_MARKET, {"symbol": query.symbol})
        market = known[0]["market"] if known else None
        name = query.tz or settings.market_zones.get(market or "", markets.DEFAULT_ZONE)
        zone, peak = ZoneInfo(name), markets.peak(market)
        begin = place.after.start if place.after else query.start
        spans = list(islice(buckets.starting(begin, query.end, query.every, zone), query.limit + 1))
        following = None
        if len(spans) > query.limit:
            following = cursors.encode(query.question(), place.as_of, Key(spans.pop()[0]))
        parts = [
            (number, part)
            for number, span in enumerate(spans)
            for part in buckets.parts(span, query.profile, peak, zone)
        ]
        found = _read(store, query, place.as_of, [part for _, part in parts])
        made = _made(query.symbol, name, spans, parts, found)
        page = AggregatePage.model_validate({"items": made, "as_of": place.as_of, "next": following})
        return respond(page, query, settings)


def _read(store: Store, query: AggregatesQuery, as_of: datetime, parts: Sequence[Span]) -> list[Row]:
    if not parts:
        return []
    rows = store.rows(
        _SELECT,
        {
            "symbol": query.symbol,
            "source": query.source,
            "resolution": query.resolution,
            "start": parts[0][0],
            "end": parts[-1][1],
            "as_of": as_of,
            "edges": [edge for part in parts for edge in part],
        },
    )
    series = sorted({tuple(row[name] for name in _SERIES) for row in rows})
    if len(series) > 1:
        _refuse_several(query, series)
    for _, resolution, *_ in series:
        if not buckets.divides(Resolution.parse(resolution), query.every, query.profile):
            raise Refused(
                422,
                f"prices of resolution {resolution} do not divide into {query.profile} by {query.every}",
                field="every" if query.profile == "base" else "profile",
                value=query.every if query.profile == "base" else query.profile,
                remedy="ask for base, for a longer `every`, or for prices of another resolution",
                reason="invalid",
            )
    return [row for row in rows if row["edge"] % 2]


def _refuse_several(query: AggregatesQuery, series: Sequence[tuple[str, ...]]) -> None:
    """They have no mean in common."""
    for at, name in enumerate(_SERIES):
        choices = sorted({one[at] for one in series})
        if len(choices) > 1:
            chosen = name in ("source", "resolution")
            raise Refused(
                422,
                f"{query.symbol} has prices of several: {', '.join(choices)}",
                field=name,
                value=None,
                remedy=f"give {name}={choices[0]}" if chosen else "ask for times before and after it changed",
                reason="invalid",
            )


def _made(
    symbol: str, zone: str, spans: Sequence[Span], parts: Sequence[tuple[int, Span]], found: Sequence[Row]
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
                "symbol": symbol,
                **{name: rows[0][name] for name in _SERIES},
                "time_zone": zone,
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
