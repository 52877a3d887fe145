"""What forecast runs keep in the feature store: each only ever adds, but for when a run was sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import sql
from psycopg.types.json import Jsonb

from workloads.kit.contracts.forecasts import DeliveryForecast
from workloads.kit.contracts.instruments import Instrument
from workloads.kit.contracts.tables import FORECAST_MEMBERS, FORECAST_RUNS, ML_PREDICTIONS, SCHEMA
from workloads.kit.db import Connection
from workloads.kit.windows import Floats

_IDENTITY: Final = "source = %(source)s AND symbol = %(symbol)s AND resolution = %(resolution)s"


def _sql(text: str, table: str) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(SCHEMA, table))  # pyright: ignore[reportArgumentType]


_MADE: Final = _sql(
    f"SELECT 1 FROM {{}} WHERE {_IDENTITY} AND delivery_day = %(day)s AND issued_at = %(issued_at)s"
    " AND outcome = 'forecast'",
    FORECAST_RUNS,
)
_MEMBERS: Final = _sql(
    f"SELECT delivery_day, forecasts FROM {{}} WHERE {_IDENTITY} AND inputs = %(inputs)s"
    " AND delivery_day >= %(first)s AND delivery_day < %(day)s",
    FORECAST_MEMBERS,
)
_ADD_MEMBERS: Final = _sql(
    "INSERT INTO {} (source, symbol, resolution, inputs, delivery_day, forecasts)"
    " VALUES (%(source)s, %(symbol)s, %(resolution)s, %(inputs)s, %(day)s, %(forecasts)s)"
    " ON CONFLICT DO NOTHING",
    FORECAST_MEMBERS,
)
# A reason gives way to a forecast, which stays.
_ADD_RUN: Final = _sql(
    "INSERT INTO {} AS run (source, symbol, resolution, delivery_day, issued_at, made_at, outcome, reason,"
    " message) VALUES (%(source)s, %(symbol)s, %(resolution)s, %(day)s, %(issued_at)s, %(made_at)s,"
    " %(outcome)s, %(reason)s, %(message)s)"
    " ON CONFLICT (source, symbol, resolution, delivery_day, issued_at) DO UPDATE SET"
    " made_at = excluded.made_at, outcome = excluded.outcome, reason = excluded.reason,"
    " message = excluded.message WHERE run.outcome = 'not forecast' RETURNING 1",
    FORECAST_RUNS,
)

_COLUMNS: Final = (
    "source", "symbol", "event_time", "price_available_time", "available_time", "market", "provenance",
    "horizon_sessions", "price", "prediction", "lower", "upper", "nominal_level", "model_name",
    "model_version", "model_alias", "skill", "skill_score", "schema_version", "resolution", "delivery_start",
    "delivery_end", "issued_at", "kind", "quantiles", "missing",
    "moved_by",
)  # fmt: skip
_ADD_PERIOD: Final = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
    sql.Identifier(SCHEMA, ML_PREDICTIONS),
    sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)),
    sql.SQL(", ").join(map(sql.Placeholder, _COLUMNS)),
)


def is_made(conn: Connection, instrument: Instrument, day: date, issued_at: datetime) -> bool:
    """Whether there is a forecast of that day and issue."""
    asked = {**_identity(instrument), "day": day, "issued_at": issued_at}
    with conn.transaction():
        return conn.execute(_MADE, asked).fetchone() is not None


def members(
    conn: Connection, instrument: Instrument, inputs: str, day: date, count: int
) -> dict[date, Floats]:
    """By day what each kind forecast, (M, H), for the `count` days before `day`, of those that are kept."""
    asked = {**_identity(instrument), "inputs": inputs, "day": day, "first": day - timedelta(days=count)}
    with conn.transaction():
        rows = conn.execute(_MEMBERS, asked).fetchall()
    return {of: np.array(forecasts, dtype=np.float64) for of, forecasts in rows}


def add_members(conn: Connection, instrument: Instrument, inputs: str, made: Mapping[date, Floats]) -> None:
    """Keep forecasts of the kinds; what is kept of a day already stays."""
    same = {**_identity(instrument), "inputs": inputs}
    rows = [{**same, "day": day, "forecasts": one.tolist()} for day, one in made.items()]
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(_ADD_MEMBERS, rows)


def add_reason(
    conn: Connection, instrument: Instrument, day: date, issued_at: datetime, made_at: datetime, why: str
) -> None:
    """Record that there is no forecast of a day, and why."""
    run = {**_identity(instrument), "day": day, "issued_at": issued_at, "made_at": made_at}
    with conn.transaction():
        conn.execute(_ADD_RUN, {**run, "outcome": "not forecast", "reason": why, "message": None})


def add_forecast(conn: Connection, made: DeliveryForecast, message: bytes) -> bool:
    """Record a forecast and a row a period, all or nothing; False, and nothing, where there is one."""
    run = {
        "source": made.source,
        "symbol": made.symbol,
        "resolution": made.resolution,
        "day": made.delivery_day,
        "issued_at": made.issued_at,
        "made_at": made.available_time,
        "outcome": "forecast",
        "reason": f"without {', '.join(made.missing)}" if made.missing else "",
        "message": message,
    }
    with conn.transaction(), conn.cursor() as cursor:
        if cursor.execute(_ADD_RUN, run).fetchone() is None:
            return False
        cursor.executemany(_ADD_PERIOD, _rows(made))
    return True


def _rows(made: DeliveryForecast) -> list[dict[str, Any]]:
    same = {name: getattr(made, name) for name in _COLUMNS if hasattr(made, name)}
    return [
        {
            **same,
            "event_time": period.delivery_start,
            "price_available_time": made.issued_at,
            "horizon_sessions": 1,
            "price": period.baseline,
            "prediction": period.prediction,
            "lower": period.lower,
            "upper": period.upper,
            "delivery_start": period.delivery_start,
            "delivery_end": period.delivery_end,
            "quantiles": period.quantiles,
            "moved_by": Jsonb(period.moved_by) if period.moved_by else None,
        }
        for period in made.periods
    ]


def _identity(instrument: Instrument) -> dict[str, Any]:
    return {
        "source": instrument.source,
        "symbol": instrument.symbol,
        "resolution": instrument.resolution,
    }
