"""What a table was like, and what it is like now: a new column is taken in, other changes stop the table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Self

from psycopg.types.json import Jsonb

from workloads.kit.contracts.warehouse import Kind
from workloads.kit.db import Connection
from workloads.warehouse_etl.sources import Reading, SourceError
from workloads.warehouse_etl.values import plain

Change = Literal["added", "removed", "retyped", "accepted"]


_MESSAGE_CHARACTERS: Final = 4000


class Found(NamedTuple):
    """A difference, and what it means."""

    change: Change
    column: str
    detail: str


class Stopped(Exception):
    """A table that changed so that what it holds may mean something else. Somebody has to look."""


class Columns(NamedTuple):
    """Those of a table now.

    Args:
        kinds: of all.
        may_omit: whether one that is not seen may be there all the same.
        lacking: those that a part of the table lacks, with that part's name.
        lost: those of them that an earlier part has.
    """

    kinds: Mapping[str, Kind]
    may_omit: bool = False
    lacking: Mapping[str, str] = MappingProxyType({})
    lost: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def of(cls, reading: Reading) -> Self:
        return cls(reading.columns, reading.may_omit, reading.lacking, reading.lost)


def differences(known: Mapping[str, Kind], columns: Columns) -> list[Found]:
    """What changed, in the order of names. Nothing is known of a source that shows no columns now."""
    now = columns.kinds
    if not now:
        return []
    if not known:
        # For the first time all is new; what an earlier part has and a later one has not was taken away.
        return [
            Found("removed", name, f"{now[name]}: {part} has none")
            for name, part in sorted(columns.lost.items())
        ]
    found = [Found("added", name, now[name]) for name in now.keys() - known.keys()]
    if not columns.may_omit:
        found += [Found("removed", name, known[name]) for name in known.keys() - now.keys()]
    found += [
        Found("removed", name, f"{known[name]}: {part} has none")
        for name, part in columns.lacking.items()
        if name in known
    ]
    for name in known.keys() & now.keys():
        before, after = known[name], now[name]
        if before != after and "unknown" not in (before, after) and (before, after) != ("integer", "number"):
            found.append(Found("retyped", name, f"{before} to {after}"))
    return sorted(found, key=lambda one: (one.column, one.change))


def check(
    connection: Connection,
    source: str,
    table: str,
    columns: Columns,
    at: datetime,
) -> dict[str, Kind]:
    """What the table's columns are to be known as once its rows are loaded. Differences are recorded.

    Raises:
        Stopped: a column is gone or of another type, now or since somebody last looked.
    """
    row = connection.execute(
        "SELECT columns, state FROM etl.sources WHERE source = %s AND table_name = %s", (source, table)
    ).fetchone()
    known: dict[str, Kind] = row[0] if row else {}
    found = differences(known, columns)
    record(connection, source, table, at, found)
    if breaking := [one for one in found if one.change != "added"]:
        told = "; ".join(f"column {one.column} was {one.change} ({one.detail})" for one in breaking)
        raise Stopped(
            f"{told}. Nothing of the table is loaded until somebody has looked: correct the source, or take "
            f"it as it is with `python -m tools job warehouse-etl accept {source} {table}`"
        )
    return {
        **known,
        **{n: kind for n, kind in columns.kinds.items() if kind != "unknown" or n not in known},
    }


def record(connection: Connection, source: str, table: str, at: datetime, found: list[Found]) -> None:
    """Keep what was found, once until something else is found of the column."""
    for one in found:
        connection.execute(
            "INSERT INTO etl.drift (source, table_name, found_at, kind, column_name, detail)"
            " SELECT %(source)s::text, %(table)s::text, %(at)s::timestamptz, %(kind)s::text,"
            " %(column)s::text, %(detail)s::text WHERE NOT EXISTS (SELECT FROM (SELECT kind, detail"
            " FROM etl.drift WHERE source = %(source)s AND table_name = %(table)s"
            " AND column_name = %(column)s ORDER BY found_at DESC, kind LIMIT 1) newest"
            " WHERE newest.kind = %(kind)s AND newest.detail = %(detail)s) ON CONFLICT DO NOTHING",
            {
                "source": source,
                "table": table,
                "at": at,
                "kind": one.change,
                "column": one.column,
                "detail": one.detail,
            },
        )


def state(
    connection: Connection,
    source: str,
    table: str,
    at: datetime,
    *,
    now: Literal["ready", "stopped", "failed"],
    message: str | None = None,
    columns: Mapping[str, Kind] | None = None,
) -> None:
    """Keep how the table is. Without `columns` they stay."""
    connection.execute(
        "INSERT INTO etl.sources (source, table_name, columns, state, message, changed_at)"
        " VALUES (%(source)s, %(table)s, coalesce(%(columns)s::jsonb, '{}'), %(state)s, %(message)s, %(at)s)"
        " ON CONFLICT (source, table_name)"
        " DO UPDATE SET columns = coalesce(%(columns)s::jsonb, etl.sources.columns),"
        " state = excluded.state, message = excluded.message, changed_at = excluded.changed_at",
        {
            "source": source,
            "table": table,
            "columns": None if columns is None else Jsonb(dict(columns)),
            "state": now,
            "message": None if message is None else str(plain(message))[:_MESSAGE_CHARACTERS],
            "at": at,
        },
    )


def accept(connection: Connection, source: str, table: str, columns: Columns, at: datetime) -> list[str]:
    """Take a table as it is now. Returns what was accepted.

    Raises:
        SourceError: it shows no columns now: those that are known stay, and so does what stops it.
    """
    if not columns.kinds:
        raise SourceError(
            f"{source} {table} shows no columns now, so that there is nothing to accept: of files, those "
            "that are new are looked at; put one in its place that is as it is to be, and accept that"
        )
    row = connection.execute(
        "SELECT columns FROM etl.sources WHERE source = %s AND table_name = %s", (source, table)
    ).fetchone()
    found = differences(row[0] if row else {}, columns)
    told = [f"{one.column}: {one.change} ({one.detail})" for one in found]
    record(
        connection,
        source,
        table,
        at,
        [Found("accepted", one.column, f"{one.change}: {one.detail}") for one in found],
    )
    # What a part lacks is new again where another has it.
    kept: dict[str, Kind] = {
        name: kind for name, kind in columns.kinds.items() if name not in columns.lacking
    }
    state(connection, source, table, at, now="ready", columns=kept)
    return told
