"""The record of what happened to models: table `model_events`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from psycopg import sql

from workloads.kit.contracts.models import model_name
from workloads.kit.contracts.tables import MODEL_EVENTS, SCHEMA
from workloads.kit.db import Connection

Event = Literal["registered", "promoted", "refused", "rolled_back"]
Actor = Literal["automatic", "manual"]

_INSERT = sql.SQL(
    "INSERT INTO {} (at, symbol, model_name, event, from_version, to_version, actor, reason)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
).format(sql.Identifier(SCHEMA, MODEL_EVENTS))
_ROLLED_BACK = sql.SQL(
    "SELECT max(at) FROM {} WHERE symbol = %s AND model_name = %s AND event = 'rolled_back'"
).format(sql.Identifier(SCHEMA, MODEL_EVENTS))


def rolled_back_at(conn: Connection, symbol: str) -> datetime | None:
    """When a symbol's champion was rolled back last."""
    return conn.execute(_ROLLED_BACK, (symbol, model_name(symbol))).fetchone()[0]  # type: ignore[index]  # max() has a row


def record(
    conn: Connection,
    symbol: str,
    event: Event,
    *,
    from_version: int | None,
    to_version: int | None,
    actor: Actor,
    reason: str,
) -> None:
    """Add an event. The versions are those that the change leads from and to; None is the naive forecast."""
    conn.execute(
        _INSERT,
        (datetime.now(UTC), symbol, model_name(symbol), event, from_version, to_version, actor, reason),
    )
