"""Records of what happened, of which those that are too old are deleted: a few at a time, so that who writes
waits for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from psycopg import sql

from workloads.kit.contracts import tables
from workloads.kit.db import Connection
from workloads.migrations.months import month_of

_ROWS: Final = 10_000
"""Deleted at once."""
_DELETE: Final = (
    "DELETE FROM {table} WHERE at < %s"
    " AND ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE at < %s LIMIT %s))"
)


def drop(connection: Connection, keep: Mapping[str, int], *, now: datetime) -> list[str]:
    """Delete what is older than the months that are kept. Returns a line a change.

    Args:
        connection: in autocommit: what is deleted stays so.
        keep: table → months before this one; a table that is not named keeps all.
    """
    changes: list[str] = []
    for name in sorted(tables.RECORDS & keep.keys()):
        first, count = month_of(now, -keep[name]), 0
        statement = sql.SQL(_DELETE).format(table=sql.Identifier(tables.SCHEMA, name))
        while (deleted := connection.execute(statement, (first, first, _ROWS)).rowcount) > 0:
            count += deleted
        changes += [f"{name}: {count} rows of before {first:%Y-%m} deleted"] if count else []
    return changes
