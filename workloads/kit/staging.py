"""Many rows at once into a table: copied into a temporary one, then inserted or merged from there.

Nearly all rows are new. So they are inserted as if all were, which takes a fifth less of the server's time
than to merge them. Where one is there already, what was inserted is waste: it is undone, they are merged, and
so are those of the next batches, since one repeat seldom comes alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from workloads.kit.contracts import tables

_Connection = psycopg.Connection[tuple[Any, ...]]

_MERGES: Final = 100
"""Batches that are merged after one that had to be."""


def merge(
    connection: _Connection,
    table: str,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Collection[Sequence[Any]],
) -> int:
    """Write rows in `columns`' order, distinct in `key`, over those that are there; without a `key` what is
    there stays. Returns the number of rows written. Part of the caller's transaction."""
    info = connection.info
    plan = _plans.get(at := (info.host, info.port, info.dbname, table, tuple(columns), tuple(key)))
    if plan is None:
        plan = _plans[at] = _plan(connection, table, columns, key)
    with connection.cursor() as cursor:
        # Made once a connection; the statement is far cheaper than knowing whether a roll-back took it away.
        cursor.execute(plan.stage)
        with cursor.copy(plan.copy) as copy:
            copy.set_types(plan.types)
            write = copy.write_row
            for row in rows:
                write(row)
        if plan.merges:
            plan.merges -= 1
        else:
            try:
                with connection.transaction():
                    return cursor.execute(plan.insert).rowcount
            except psycopg.errors.UniqueViolation:
                plan.merges = _MERGES
        return cursor.execute(plan.merge).rowcount


@dataclass(slots=True)
class _Plan:
    """How it is done for a table: `merges` more, before `insert` is tried again."""

    stage: sql.Composed
    copy: sql.Composed
    types: list[int]
    insert: sql.Composed
    merge: sql.Composed
    merges: int = 0


_plans: dict[tuple[Any, ...], _Plan] = {}


def _plan(connection: _Connection, table: str, columns: Sequence[str], key: Sequence[str]) -> _Plan:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    parts = {
        "target": sql.Identifier(tables.SCHEMA, table),
        "staging": sql.Identifier(f"staging_{table}"),
        "names": names,
        "key": sql.SQL(", ").join(map(sql.Identifier, key)),
        "changes": sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column))
            for column in columns
            if column not in key
        ),
    }
    on_conflict = "({key}) DO UPDATE SET {changes}" if key and len(columns) > len(key) else "DO NOTHING"
    # What was staged is taken out of the stage, so that a transaction may upsert into a table twice.
    from_stage = (
        "WITH staged AS (DELETE FROM {staging} RETURNING {names})"
        " INSERT INTO {target} ({names}) SELECT {names} FROM staged"
    )
    probe = connection.execute(sql.SQL("SELECT {names} FROM {target} LIMIT 0").format(**parts))
    return _Plan(
        stage=sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {staging} ON COMMIT DELETE ROWS"
            " AS SELECT * FROM {target} WITH NO DATA"
        ).format(**parts),
        copy=sql.SQL("COPY {staging} ({names}) FROM STDIN (FORMAT BINARY)").format(**parts),
        types=[column.type_code for column in probe.description or ()],
        insert=sql.SQL(from_stage).format(**parts),
        merge=sql.SQL(f"{from_stage} ON CONFLICT {on_conflict}").format(**parts),
    )
