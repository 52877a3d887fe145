"""The one series that a question aggregates: over all its time, not over a page of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import sql

from workloads.data_api.buckets import Span
from workloads.data_api.problems import Refused
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, SCHEMA

COLUMNS: Final = ("source", "product", "resolution", "market", "provenance", "currency", "unit")
"""What prices have to share to have a mean in common."""

CHOSEN: Final = ("source", "product", "resolution")
"""Those of them that a question chooses by."""

_COLUMNS: Final = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))

# The revision that held first, what was asked for then: a revision may be of another product, or withdraw the
# price.
HELD: Final = sql.SQL(
    "held AS (SELECT * FROM (SELECT DISTINCT ON (delivery_start, source, resolution)"
    " delivery_start, delivery_end, {columns}, price, withdrawn FROM {table}"
    " WHERE symbol = %(symbol)s AND delivery_start >= %(start)s AND delivery_start < %(end)s"
    " AND published_at <= %(as_of)s"
    " AND (%(source)s::text IS NULL OR source = %(source)s)"
    " AND (%(resolution)s::text IS NULL OR resolution = %(resolution)s)"
    " ORDER BY delivery_start, source, resolution, published_at DESC) newest"
    " WHERE withdrawn IS NULL AND (%(product)s::text IS NULL OR product = %(product)s))"
).format(columns=_COLUMNS, table=sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY))
"""Prices that held at `as_of`; values: symbol, start, end, as_of, and those of `CHOSEN` or None."""

_SELECT: Final = sql.SQL(
    "WITH {held} SELECT {columns}, min(delivery_start) AS first, max(delivery_start) AS last"
    " FROM held GROUP BY {columns} ORDER BY {columns}"
).format(held=HELD, columns=_COLUMNS)

# `edges` are the starts and ends of parts in turn: an odd number of edges before a price says that it is
# within a part.
_WITHIN: Final = sql.SQL(
    "WITH {held} SELECT DISTINCT {columns} FROM held"
    " WHERE width_bucket(delivery_start, %(edges)s::timestamptz[]) %% 2 = 1 ORDER BY {columns}"
).format(held=HELD, columns=_COLUMNS)


def found(store: Store, values: Mapping[str, Any]) -> list[Row]:
    """The series that have prices among those asked for, in order: columns, starts of `first` and `last`."""
    return store.rows(_SELECT, values)


def only(
    store: Store,
    values: Mapping[str, Any],
    series: Sequence[Row],
    parts: Callable[[datetime, datetime], Sequence[Span]],
) -> Row | None:
    """The one of `series` that has prices within the parts of time between two instants; None: none has.

    Refused where several have.
    """
    if len(series) > 1:
        first, last = min(row["first"] for row in series), max(row["last"] for row in series)
        edges = [edge for part in parts(first, last) for edge in part]
        series = store.rows(_WITHIN, {**values, "edges": edges})
    one(values["symbol"], series, COLUMNS)
    return series[0] if series else None


def one(symbol: str, series: Sequence[Row], columns: Collection[str]) -> None:
    """Refused where series differ in one of the columns: they have no mean in common."""
    for name in columns:
        choices = sorted({row[name] for row in series})
        if len(choices) > 1:
            raise Refused(
                422,
                f"{symbol} has prices of several: {', '.join(choices)}",
                field=name,
                value=None,
                remedy=_remedy(name, choices[0], series),
                reason="invalid",
            )


def _remedy(name: str, choice: str, series: Sequence[Row]) -> str:
    for chosen in (name, *CHOSEN) if name in CHOSEN else CHOSEN:
        if chosen == name:
            return f"give {name}={choice}"
        if len(choices := sorted({row[chosen] for row in series})) > 1:
            return f"give {chosen}, one of {', '.join(choices)}"
    return "ask for times before and after it changed"
