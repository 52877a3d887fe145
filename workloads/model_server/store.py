"""The feature store, as the server reads it: a symbol's last sessions, and how its forecasts turned out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
from psycopg import sql
from psycopg_pool import ConnectionPool, PoolTimeout

from workloads.kit import db
from workloads.kit.contracts.declared.model_server import MODEL_SERVER
from workloads.kit.contracts.tables import (
    COMMODITY_PRICES_DAILY,
    FORECAST_RUNS,
    PREDICTION_OUTCOMES,
    SCHEMA,
)
from workloads.kit.windows import Floats
from workloads.model_server.settings import ModelServerSettings

# What was known at as_of: of each session the newest revision published by then, where that does not withdraw
# it, of the sessions that may be compared with the newest one. All parts walk indexes from their end, and
# stop: rows keep their order where some are left out, and to sort them beside the limit would be to read all.
# Whether one is withdrawn no index says, so that it is looked up of those alone that are wanted.
_WINDOW: Final = sql.SQL(
    "SELECT * FROM (SELECT delivery_start, price::float8 FROM"
    " (SELECT DISTINCT ON (delivery_start) delivery_start, published_at, price, resolution, currency, unit"
    " FROM {table} WHERE symbol = %(symbol)s AND published_at <= %(as_of)s AND (resolution, currency, unit) ="
    " (SELECT resolution, currency, unit FROM {table} any_of"
    " WHERE symbol = %(symbol)s AND published_at <= %(as_of)s AND (SELECT said.withdrawn IS NULL"
    " FROM {table} said WHERE said.source = any_of.source AND said.symbol = %(symbol)s"
    " AND said.delivery_start = any_of.delivery_start AND said.resolution = any_of.resolution"
    " AND said.published_at <= %(as_of)s ORDER BY said.published_at DESC LIMIT 1)"
    " ORDER BY delivery_start DESC, published_at DESC LIMIT 1)"
    " ORDER BY delivery_start DESC, published_at DESC) newest"
    " WHERE (SELECT said.withdrawn IS NULL FROM {table} said WHERE said.symbol = %(symbol)s"
    " AND said.delivery_start = newest.delivery_start AND said.published_at = newest.published_at"
    " AND (said.price, said.resolution, said.currency, said.unit)"
    " = (newest.price, newest.resolution, newest.currency, newest.unit) LIMIT 1)"
    " LIMIT %(count)s) sessions ORDER BY delivery_start DESC"
).format(table=sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY))

_COVERAGE: Final = sql.SQL(
    "SELECT asked.symbol, count(*)::int, avg(outcome.covered::int)::float8"
    " FROM unnest(%s::text[], %s::int[], %s::timestamptz[]) AS asked(symbol, version, unseen_after)"
    " CROSS JOIN LATERAL (SELECT covered FROM {}"
    " WHERE symbol = asked.symbol AND model_version = asked.version AND delivery_start IS NULL"
    " AND (asked.unseen_after IS NULL OR event_time > asked.unseen_after)"
    " ORDER BY event_time DESC LIMIT %s) AS outcome GROUP BY asked.symbol"
).format(sql.Identifier(SCHEMA, PREDICTION_OUTCOMES))


# The forecast that was issued last; where there is none, the last reason why.
_DELIVERY: Final = sql.SQL(
    "SELECT message, reason FROM {} WHERE symbol = %s AND delivery_day = %s AND made_at <= %s"
    " ORDER BY outcome = 'forecast' DESC, issued_at DESC, made_at DESC LIMIT 1"
).format(sql.Identifier(SCHEMA, FORECAST_RUNS))


class StoreAway(Exception):
    """The feature store does not answer."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """The last sessions of a symbol as of an instant, oldest first: prices of shape (n,), n >= 1."""

    event_time: datetime
    prices: Floats
    stale: bool = False
    """Whether they are the last that were read, of a store that does not answer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What there is of a delivery day: the forecast, a `DeliveryForecast` as JSON, or why there is none."""

    message: bytes | None
    reason: str
    stale: bool = False
    """Whether it is a cache's, while the store is away: there may be a newer one."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of the last `count` intervals that held the price that followed."""

    share: float
    count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A symbol's model whose record is wanted. Outcomes of sessions up to `unseen_after` do not count: the
    model, or its calibration, has seen them."""

    symbol: str
    version: int
    unseen_after: datetime | None


class FeatureStore:
    """A pool of connections, opened in the background: the server starts while the database is away."""

    def __init__(self, settings: ModelServerSettings) -> None:
        def parameters() -> dict[str, Any]:
            given = db.parameters(settings, application_name=MODEL_SERVER.name)
            limit = int(settings.store_timeout_seconds * 1000)
            return {
                **given,
                "password_file": settings.postgres_password_file,
                "options": f"{given['options']} -c statement_timeout={limit}",
                "autocommit": True,
            }

        self._pool = ConnectionPool(
            connection_class=db.Login,
            kwargs=parameters,
            min_size=1,
            max_size=settings.max_store_reads + 1,
            open=False,
            timeout=settings.store_timeout_seconds,
            check=ConnectionPool.check_connection,
            name="feature-store",
        )
        self._pool.open(wait=False)

    def sessions(self, symbol: str, as_of: datetime | None, count: int) -> Sessions | None:
        """The last `count` sessions known at `as_of`, or now; None if there was none. StoreAway if not
        readable."""
        rows = self._rows(_WINDOW, {"symbol": symbol, "as_of": as_of or datetime.now(UTC), "count": count})
        if not rows:
            return None
        prices = np.array([row[1] for row in reversed(rows)], dtype=np.float64)
        return Sessions(rows[0][0], prices)

    def coverage(self, asked: Sequence[Asked], outcomes: int) -> Mapping[str, Coverage]:
        """symbol -> coverage over the model's newest `outcomes`; a symbol without outcomes is absent."""
        rows = self._rows(
            _COVERAGE,
            (
                [one.symbol for one in asked],
                [one.version for one in asked],
                [one.unseen_after for one in asked],
                outcomes,
            ),
        )
        return {symbol: Coverage(share, count) for symbol, count, share in rows}

    def delivery(self, symbol: str, day: date, as_of: datetime | None) -> Delivery | None:
        """The newest forecast of a delivery day that was made by `as_of`, or by now; None where no run has
        been at it. StoreAway if not readable."""
        rows = self._rows(_DELIVERY, (symbol, day, as_of or datetime.now(UTC)))
        return Delivery(*rows[0]) if rows else None

    def close(self) -> None:
        self._pool.close()

    def _rows(
        self, query: sql.Composed, arguments: tuple[Any, ...] | dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        try:
            with self._pool.connection() as conn:
                return conn.execute(query, arguments).fetchall()
        except (PoolTimeout, *db.LOST) as error:
            raise StoreAway(str(error)) from error
