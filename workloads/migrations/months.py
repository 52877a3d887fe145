"""Tables that are partitioned by month: partitions are made ahead of time, and dropped when they are too old.

A table's partitions follow each other without a gap: `<table>_before`, a month each, `<table>_after`. The two
ends are open, so that whatever comes has a place: a forward of 2055, a history of 1983. They are no DEFAULT
partition, since with one PostgreSQL would have to look into every partition for the newest row of a series;
so it looks into the last that has one.

What a month's change needs of a lock it gets at once or asks for again: who reads or writes waits for it no
longer than `_LOCK_SECONDS`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import psycopg
import structlog
from psycopg import sql

from workloads.kit.contracts import tables
from workloads.kit.db import Connection
from workloads.kit.records import Transient

_log = structlog.get_logger(__name__)

_LOCK_SECONDS: Final = 3
_ATTEMPTS: Final = 20
_PAUSE_SECONDS: Final = 2.0


class Partitioned(NamedTuple):
    """A table by month of its column `time`: what is before `start` is in one partition, what is from `stop`
    on in another, between are months."""

    name: str
    time: str
    start: datetime
    stop: datetime


def make(
    connection: Connection, *, ahead: int, back: int, keep: Mapping[str, int], now: datetime
) -> list[str]:
    """Make the months from `back` before now's, or those that are kept, to `ahead` after it; rows of theirs
    that are in an open end move. Months before the first are made while no row is older than it: a history is
    not copied. Returns a line a change.

    Args:
        keep: as for `drop`.

    Raises:
        Transient: a lock was not to be had; what was made stays.
    """
    changes: list[str] = []
    for table in partitioned(connection):
        later = _months(table.stop, month_of(now, ahead + 1))
        if later:
            _at_once(connection, table, lambda t=table, m=later: _split(connection, t, m, "after"))
        earlier = _months(month_of(now, -min(back, keep.get(table.name, back))), table.start)
        if earlier and _is_empty(connection, table, "before"):
            _at_once(connection, table, lambda t=table, m=earlier: _split(connection, t, m, "before"))
        else:
            earlier = []
        changes += [f"{table.name}: made {month:%Y-%m}" for month in (*earlier, *later)]
    return changes


def drop(connection: Connection, keep: Mapping[str, int], *, now: datetime) -> list[str]:
    """Drop what is older than the months that are kept. Returns a line a change.

    Args:
        keep: table → months before this one; a table that is not named keeps all.

    Raises:
        Transient: as `make`.
    """
    changes: list[str] = []
    for table in partitioned(connection):
        if table.name not in keep:
            continue
        first = month_of(now, -keep[table.name])
        old = _months(table.start, min(first, table.stop))
        if first < table.start:
            count = _delete(connection, table, first)
            changes += [f"{table.name}: {count} rows of before {first:%Y-%m} deleted"] if count else []
        elif old or not _is_empty(connection, table, "before"):
            _at_once(connection, table, lambda t=table, m=old: _forget(connection, t, m))
            changes.append(f"{table.name}: dropped what was before {first:%Y-%m}, {len(old)} months")
    return changes


def partitioned(connection: Connection) -> list[Partitioned]:
    """The tables by month that there are; the session's zone is UTC."""
    found = connection.execute(
        "SELECT p.relname, a.attname,"
        " max(pg_get_expr(c.relpartbound, c.oid)) FILTER (WHERE c.relname = p.relname || '_before'),"
        " max(pg_get_expr(c.relpartbound, c.oid)) FILTER (WHERE c.relname = p.relname || '_after')"
        " FROM pg_partitioned_table t JOIN pg_class p ON p.oid = t.partrelid"
        " JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum = t.partattrs[0]"
        " JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE p.relnamespace = %s::regnamespace GROUP BY 1, 2 ORDER BY 1",
        (tables.SCHEMA,),
    ).fetchall()
    return [Partitioned(name, time, _bound(before), _bound(after)) for name, time, before, after in found]


def _bound(expression: str) -> datetime:
    """The one bound of a partition that is open at its other end."""
    (text,) = re.findall(r"'([^']+)'", expression)
    return datetime.fromisoformat(text).astimezone(UTC)


def month_of(of: datetime, later: int) -> datetime:
    """The first instant of the month that is so many later."""
    months = of.year * 12 + of.month - 1 + later
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def _months(start: datetime, stop: datetime) -> list[datetime]:
    found: list[datetime] = []
    while start < stop:
        found.append(start)
        start = month_of(start, 1)
    return found


def _at_once(connection: Connection, table: Partitioned, change: Callable[[], None]) -> None:
    """Make a change in a transaction that has the table for itself."""
    for _ in range(_ATTEMPTS):
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(f"{_LOCK_SECONDS}s"))
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(_named(table)))
                change()
            return
        except psycopg.errors.LockNotAvailable:
            _log.info("waiting_for_table", table=table.name)
            time.sleep(_PAUSE_SECONDS)
    raise Transient(
        f"{table.name}: {_ATTEMPTS} times somebody had it for more than {_LOCK_SECONDS} s; look for long"
        " transactions in pg_stat_activity, then run this again"
    )


def _split(connection: Connection, table: Partitioned, months: list[datetime], end: str) -> None:
    """Give the months next to an open end partitions of their own, with the rows that are theirs."""
    start, stop = months[0], month_of(months[-1], 1)
    rest = ("MINVALUE", start) if end == "before" else (stop, "MAXVALUE")
    parts = {"table": _named(table), "end": _named(table, end), "time": sql.Identifier(table.time)}
    connection.execute(sql.SQL("ALTER TABLE {table} DETACH PARTITION {end}").format(**parts))
    for month in months:
        _create(connection, table, f"{month:%Y_%m}", (month, month_of(month, 1)))
    connection.execute(
        sql.SQL(
            "WITH moved AS (DELETE FROM {end} WHERE {time} >= {start} AND {time} < {stop} RETURNING *)"
            " INSERT INTO {table} SELECT * FROM moved"
        ).format(**parts, start=start.isoformat(), stop=stop.isoformat())
    )
    connection.execute(
        sql.SQL("ALTER TABLE {table} ATTACH PARTITION {end} FOR VALUES FROM ({0}) TO ({1})").format(
            *map(_edge, rest), **parts
        )
    )


def _forget(connection: Connection, table: Partitioned, months: list[datetime]) -> None:
    for name in ("before", *(f"{month:%Y_%m}" for month in months)):
        connection.execute(sql.SQL("DROP TABLE {}").format(_named(table, name)))
    stop = month_of(months[-1], 1) if months else table.start
    _create(connection, table, "before", ("MINVALUE", stop))


def _delete(connection: Connection, table: Partitioned, first: datetime) -> int:
    """Rows of before `first`, of a partition that has later ones, too."""
    return connection.execute(
        sql.SQL("DELETE FROM {} WHERE {} < {}").format(
            _named(table, "before"), sql.Identifier(table.time), first.isoformat()
        )
    ).rowcount


def _create(
    connection: Connection, table: Partitioned, end: str, bounds: tuple[datetime | str, datetime | str]
) -> None:
    connection.execute(
        sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
            _named(table, end), _named(table), *map(_edge, bounds)
        )
    )


def _is_empty(connection: Connection, table: Partitioned, end: str) -> bool:
    found = connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(_named(table, end)))
    return found.fetchone() is None


def _edge(bound: datetime | str) -> sql.Composable:
    return (
        sql.SQL("MINVALUE" if bound == "MINVALUE" else "MAXVALUE")
        if isinstance(bound, str)
        else (sql.Literal(bound.isoformat()))
    )


def _named(table: Partitioned, end: str = "") -> sql.Identifier:
    return sql.Identifier(tables.SCHEMA, f"{table.name}_{end}" if end else table.name)
