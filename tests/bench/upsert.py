"""Feature upsert: rows of price_trends by key, in batches, each a transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.bench.measure import Failure, Measured, in_turn, sample
from tests.bench.prices import prices
from tests.bench.report import Figure, Other, at_least
from tests.bench.rig import Rig
from tests.bench.sql import copy_rows, executemany, make_unindexed, unindexed
from tests.services.clients import MigratedDatabase
from tools.console import Step
from workloads.analytics_consumer.rows import TREND_COLUMNS, Key
from workloads.kit import db
from workloads.kit.contracts import tables

Row = Sequence[Any]
Write = Callable[[db.Connection, Sequence[Row]], object]

_BATCH = 5000
_TABLE = tables.PRICE_TRENDS
_ROLE = "analytics_consumer"


def run(rig: Rig, step: Step) -> list[Figure]:
    rows = list(_rows(rig.sized(100_000, 10_000)))
    ways: dict[str, Write] = {
        "ours": lambda conn, part: db.upsert(conn, _TABLE, TREND_COLUMNS, Key._fields, part),
        "executemany": lambda conn, part: executemany(conn, _TABLE, TREND_COLUMNS, Key._fields, part),
        "copy": lambda conn, part: copy_rows(conn, unindexed(_TABLE), TREND_COLUMNS, part),
    }
    results = in_turn(
        {name: lambda write=write: _rates(rig.database, write, rows) for name, write in ways.items()},
        rig.repetitions,
        step,
    )
    figures: list[Figure] = []
    for at, what in enumerate(("new rows", "the same rows again")):
        rate = {name: sample(found, lambda rates, at=at: rates[at]) for name, found in results.items()}
        ours = rate["ours"]
        figures.append(
            Figure(
                name=f"in batches of {_BATCH}, {what}",
                unit="rows/s",
                ours=ours,
                others=[
                    Other("psycopg executemany", "peer", rate["executemany"]),
                    Other("COPY, no index", "limit", rate["copy"]),
                ],
                aims=[at_least(ours, 60_000)],
                note=_where(ours, rate["copy"]),
            )
        )
    return figures


def _where(ours: Measured, copy: Measured) -> str:
    size = f"{len(TREND_COLUMNS)} columns, a key of {len(Key._fields)}"
    if isinstance(ours, Failure) or isinstance(copy, Failure):
        return size
    share = ours.median / copy.median
    return f"{size}; {share:.0%} of the time is the COPY alone, the rest the unique index, conflicts and WAL"


def _rates(database: MigratedDatabase, write: Write, rows: Sequence[Row]) -> tuple[float, float]:
    """Rows/s into an empty table, then once more."""
    own = database.clone()
    try:
        make_unindexed(own, _TABLE, _ROLE)
        settings = own.settings(_ROLE)
        with db.connect(settings, application_name="bench", autocommit=True) as connection:
            return _timed(connection, write, rows), _timed(connection, write, rows)
    finally:
        own.drop()


def _timed(connection: db.Connection, write: Write, rows: Sequence[Row]) -> float:
    started = time.perf_counter()
    for at in range(0, len(rows), _BATCH):
        with connection.transaction():
            write(connection, rows[at : at + _BATCH])
    return len(rows) / (time.perf_counter() - started)


def _rows(count: int) -> list[Row]:
    figures = np.random.default_rng(0).normal(size=(count, 5)).tolist()
    by_name = [
        {
            "schema_version": 1,
            "source": price.source,
            "market": price.market,
            "symbol": price.symbol,
            "event_time": price.delivery_start,
            "available_time": price.published_at,
            "provenance": price.provenance,
            "last": price.price,
            "mean_7": row[0],
            "mean_30": row[1],
            "volatility_7": row[2],
            "volatility_30": row[3],
            "trend_30": row[4],
            "sessions": 31,
            "resolution": price.resolution,
        }
        for price, row in zip(prices(count), figures, strict=True)
    ]
    return [tuple(row[column] for column in TREND_COLUMNS) for row in by_name]
