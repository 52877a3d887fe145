"""Prices of the feature store, as training reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

import numpy as np
from psycopg import sql

from workloads.kit.contracts.models import ProvenanceGroup
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, SCHEMA
from workloads.kit.db import Connection
from workloads.kit.revisions import Micros
from workloads.kit.series_store import SeriesKey
from workloads.kit.windows import Floats

TRAINED_ON: Final[Mapping[str, ProvenanceGroup]] = {"market": "real", "synthetic": "synthetic"}
"""Provenance of the rows that a model may learn from -> the group that its figures belong to.

Replayed prices are missing on purpose: they stand for live ones, and nothing live is ever trained on.
"""


@dataclass(frozen=True, slots=True)
class Revisions:
    """Every published price of one symbol, ordered by (event, available), each of shape (n,).

    `event` and `available` are microseconds since 1970. A session that was corrected has several entries; the
    price of one that withdraws it is NaN.
    """

    event: Micros
    available: Micros
    price: Floats


def symbols(conn: Connection) -> list[str]:
    """The symbols that have prices to learn from."""
    query = sql.SQL("SELECT DISTINCT symbol FROM {} WHERE provenance = ANY(%s)").format(
        sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY)
    )
    return [symbol for (symbol,) in conn.execute(query, [list(TRAINED_ON)])]


def read(
    conn: Connection, symbols: Sequence[str] | None = None
) -> dict[tuple[str, ProvenanceGroup], Revisions]:
    """(symbol, group) -> its revisions, of the given symbols or of all; a pair without a price that holds is
    absent.

    Where a symbol changed its resolution, currency or unit, those are read that its newest price has: prices
    on both sides of such a change are not to be compared. But for a few under other terms, of a mistake say,
    what there was before is not given up: they need `ENOUGH` sessions.
    """
    query = sql.SQL(
        "SELECT symbol, provenance, resolution, currency, unit,"
        " (extract(epoch FROM delivery_start) * 1000000)::bigint,"
        " (extract(epoch FROM published_at) * 1000000)::bigint,"
        " CASE WHEN withdrawn IS NULL THEN price::float8 ELSE 'NaN' END FROM {table}"
        " WHERE provenance = ANY(%(provenances)s)"
        " AND (%(symbols)s::text[] IS NULL OR symbol = ANY(%(symbols)s))"
    ).format(table=sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY))
    parameters = {"provenances": list(TRAINED_ON), "symbols": None if symbols is None else list(symbols)}
    found: dict[tuple[SeriesKey, ProvenanceGroup], list[tuple[int, int, float]]] = {}
    with conn.cursor(binary=True) as cursor:
        cursor.execute(query, parameters)
        for symbol, provenance, resolution, currency, unit, event, available, price in cursor:
            key = SeriesKey(symbol, resolution, currency, unit)
            found.setdefault((key, TRAINED_ON[provenance]), []).append((event, available, price))
    standing = {terms: held for terms, rows in found.items() if (held := _standing(rows)) is not None}
    newest: dict[tuple[str, ProvenanceGroup], list[tuple[int, int, float]]] = {
        (key.symbol, group): found[key, group] for key, group in sorted(standing, key=standing.__getitem__)
    }
    return {pair: revisions(newest[pair]) for pair in sorted(newest)}


ENOUGH: Final = 100
"""Sessions under other terms from which on a symbol has changed to them: some five months of days, four days
of hours."""


def _standing(rows: list[tuple[int, int, float]]) -> tuple[bool, tuple[int, int]] | None:
    """Orders the terms of a symbol: the last are those that hold. None: all their prices were withdrawn."""
    newest: dict[int, tuple[int, float]] = {}
    for event, available, price in rows:
        if event not in newest or newest[event][0] <= available:
            newest[event] = available, price
    held = [(event, available) for event, (available, price) in newest.items() if not isnan(price)]
    return (len(held) >= ENOUGH, max(held)) if held else None


def revisions(rows: Iterable[tuple[int, int, float]]) -> Revisions:
    """Revisions from (event, available, price) rows in any order."""
    ordered = sorted(rows)
    return Revisions(
        event=np.array([row[0] for row in ordered], dtype=np.int64),
        available=np.array([row[1] for row in ordered], dtype=np.int64),
        price=np.array([row[2] for row in ordered], dtype=np.float64),
    )
