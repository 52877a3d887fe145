"""/v1/curves: from quotes of overlapping products the smoothest curve that reprices them, and what if.

The level of a day moves as smoothly as it can (Benth, Koekebakker, Ollmar 2007), and so does what peak hours
have above the others, where several profiles are quoted; hours have the shape of a symbol's history, where
one is named. Each product's mean, by its hours, is its price to 0.001 and within its bid and ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from flask import Response, g
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import series
from workloads.data_api.alone import Alone
from workloads.data_api.answers import described, respond
from workloads.data_api.guard import needs
from workloads.data_api.problems import Fault, Refused
from workloads.data_api.questions import Answer, Body, Instant, NameText, Query
from workloads.data_api.settings import DataApiSettings, ZoneName
from workloads.data_api.store import Store
from workloads.kit import markets
from workloads.kit.contracts.messages import EARLIEST
from workloads.kit.curves.build import Curve, build
from workloads.kit.curves.consistency import Contradictory
from workloads.kit.curves.grid import Grid, Profile
from workloads.kit.curves.quotes import Quote
from workloads.kit.curves.scenarios import Scenario
from workloads.kit.curves.shape import Shape, learn
from workloads.kit.curves.value import Position, value

_MOST_DAYS: Final = 366 * 10
_MOST_ROWS: Final = 100_000
_HISTORY: Final = timedelta(days=3 * 366)
_QUOTED: Final = "quotes"
"""Name of the curve that no scenario changed."""


class CurvesQuery(Query):
    """In which form."""


class History(Body):
    """Whose hourly prices give the shape."""

    symbol: NameText = Field(description="Symbol with prices of PT1H, as /v1/instruments lists it.")
    source: NameText | None = Field(None, description="Of this source: where the symbol has several.")
    as_of: Instant | None = Field(
        None, description="From what was known then, of the three years before. Else now."
    )


class CurvesBody(Body):
    """Quotes, and what to make of them."""

    quotes: list[Quote] = Field(min_length=1, max_length=400, description="In one currency per unit.")
    market: NameText = Field("power", description="Whose days and peak hours they are.")
    tz: ZoneName | None = Field(
        None, description="IANA time zone of the days; the market's by default, else UTC."
    )
    resolution: Literal["PT1H", "P1D"] = Field("PT1H", description="Of the curve: hours or local days.")
    contradictions: Literal["refuse", "least-squares"] = Field(
        "refuse",
        description="Quotes that no curve meets are refused, or met as nearly as can be.",
    )
    shape: History | None = Field(
        None, description="What the hours' shape is learned from; else days are flat."
    )
    scenarios: list[Scenario] = Field([], max_length=16, description="Each makes a curve of its own.")
    positions: list[Position] = Field([], max_length=200, description="To be valued against each curve.")


class CurvePrice(Answer):
    """A price of [delivery_start, delivery_end)."""

    curve: str = Field(description="quotes, or the name of a scenario.")
    delivery_start: datetime
    delivery_end: datetime
    price: float = Field(allow_inf_nan=False)


class Repriced(Answer):
    """A quote beside the curve."""

    period: str
    profile: Profile
    mean: float = Field(description="The curve's, by hours.", allow_inf_nan=False)
    off: float = Field(description="How far that is outside the quote.", allow_inf_nan=False)


class Valued(Answer):
    """A position against a curve."""

    curve: str
    period: str
    profile: Profile
    megawatts: float
    price: float
    hours: int
    energy: float = Field(description="MWh.", allow_inf_nan=False)
    mean: float = Field(description="The curve's, by hours.", allow_inf_nan=False)
    profit: float = Field(description="In the quotes' currency.", allow_inf_nan=False)


class CurvesPage(Answer):
    """All prices of each curve in turn; CSV has them alone."""

    items: list[CurvePrice]
    quotes: list[Repriced]
    positions: list[Valued]
    time_zone: str


_SELECT: Final = sql.SQL("WITH {held} SELECT delivery_start, price FROM held").format(held=series.HELD)


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""
    alone = Alone("/v1/curves", settings.store_wait_seconds)

    @app.post(
        "/v1/curves",
        summary="Forward curves from quotes",
        description=__doc__,
        responses=described(CurvesPage),
        operation_id="curves",
    )
    @needs("api", "read", session="hub")
    def curves(query: CurvesQuery, body: CurvesBody) -> Response:
        name = body.tz or settings.zone(body.market)
        zone = ZoneInfo(name)
        _small(body)
        shape = _shape(store, body.shape, zone, body.market) if body.shape else None
        try:
            with alone.turn():
                page = _made(body, zone, shape)
        except Contradictory as error:
            raise _contradictory(error) from error
        except ValueError as error:
            raise _refused("quotes", str(error)) from error
        answer = respond(page, query, settings)
        # Made of the asker's own quotes: no rows that were bought, however many there are.
        g.rows = 0
        return answer


def _made(body: CurvesBody, zone: ZoneInfo, shape: Shape | None) -> CurvesPage:
    curve = build(
        body.quotes,
        zone,
        markets.peak(body.market),
        shape,
        least_squares=body.contradictions == "least-squares",
        name=_QUOTED,
    )
    made = [curve]
    for number, scenario in enumerate(body.scenarios):
        try:
            made.append(scenario.on(curve))
        except ValueError as error:
            raise _refused(f"scenarios.{number}", str(error)) from error
    return CurvesPage.model_validate(
        {
            "items": [row for one in made for row in _rows(one, body.resolution)],
            "quotes": [_repriced(one, curve) for one in body.quotes],
            "positions": [row for one in made for row in _valued(body.positions, one)],
            "time_zone": zone.key,
        }
    )


def _rows(curve: Curve, resolution: str) -> Iterator[dict[str, Any]]:
    grid = curve.grid
    daily = resolution == "P1D"
    starts = grid.edges[:-1] if daily else grid.starts
    prices = curve.daily() if daily else curve.prices
    edges = [datetime.fromtimestamp(one, UTC) for one in [*starts.tolist(), int(grid.edges[-1])]]
    for start, end, price in zip(edges, edges[1:], prices.tolist(), strict=False):
        yield {"curve": curve.name, "delivery_start": start, "delivery_end": end, "price": price}


def _repriced(quote: Quote, curve: Curve) -> dict[str, Any]:
    mean = curve.mean(quote)
    off = max(quote.low - mean, mean - quote.high, 0.0)
    return {"period": quote.period, "profile": quote.profile, "mean": mean, "off": off}


def _valued(positions: list[Position], curve: Curve) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(positions):
        try:
            found = value(one, curve)
        except ValueError as error:
            raise _refused(f"positions.{number}", str(error)) from error
        yield {
            "curve": curve.name,
            **one.model_dump(),
            "hours": found.hours,
            "energy": found.energy,
            "mean": found.mean,
            "profit": found.profit,
        }


def _small(body: CurvesBody) -> None:
    spans = [one.days for one in body.quotes]
    days = (max(after for _, after in spans) - min(first for first, _ in spans)).days
    rows = days * (24 if body.resolution == "PT1H" else 1) * (1 + len(body.scenarios))
    if days > _MOST_DAYS:
        raise _refused(
            "quotes", f"they are of {days} days, from the first to the last: give at most {_MOST_DAYS}"
        )
    if rows > _MOST_ROWS:
        raise _refused(
            "scenarios" if body.scenarios else "quotes",
            f"{rows} prices are more than {_MOST_ROWS}: ask for P1D, less time or fewer scenarios",
        )
    if taken := [one.name for one in body.scenarios if one.name == _QUOTED]:
        raise _refused("scenarios", f"{taken[0]!r} is the curve of the quotes alone: give another name")


def _shape(store: Store, history: History, zone: ZoneInfo, market: str) -> Shape:
    now = datetime.now(UTC)
    as_of = min(history.as_of or now, now)
    values: dict[str, Any] = {
        "symbol": history.symbol,
        "source": history.source,
        "resolution": "PT1H",
        "product": None,
        "start": max(as_of - _HISTORY, EARLIEST),
        "end": as_of,
        "as_of": as_of,
    }
    found = series.found(store, values)
    series.one(history.symbol, found, series.COLUMNS)
    if not found:
        raise _refused(
            "shape.symbol",
            f"no hourly prices of {history.symbol} are known: give a symbol that has them, or no shape",
        )
    first, last = (found[0][at].astimezone(zone).date() for at in ("first", "last"))
    try:
        grid = Grid.of(first, last + timedelta(days=1), zone, markets.peak(market))
    except ValueError as error:
        raise _refused("tz", str(error)) from error
    prices = np.full(len(grid.starts), np.nan)
    for row in store.rows(_SELECT, values):
        number, rest = divmod(row["delivery_start"].timestamp() - int(grid.edges[0]), 3600)
        if not rest:
            prices[int(number)] = row["price"]
    try:
        return learn(grid, prices)
    except ValueError as error:
        raise _refused("shape.symbol", f"{history.symbol}: {error}") from error


def _contradictory(error: Contradictory) -> Refused:
    remedy = "leave one of them out, quote bid and ask, or ask for contradictions=least-squares"
    refused = Refused(
        422,
        str(error),
        field="quotes",
        value=error.found[0].quote.says if error.found else None,
        remedy=remedy,
        reason="invalid",
    )
    refused.faults = [
        Fault(field="quotes", value=one.quote.says, detail=str(one), remedy=remedy) for one in error.found
    ] or refused.faults
    return refused


def _refused(field: str, text: str) -> Refused:
    detail, _, remedy = text.rpartition(": ")
    return Refused(
        422,
        detail or text,
        field=field,
        value=None,
        remedy=remedy or "see the page of routes",
        reason="invalid",
    )
