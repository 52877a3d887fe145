"""Other ways to bring rows into a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import sql

from tests.services.clients import MigratedDatabase
from workloads.kit import db
from workloads.kit.contracts import tables

Row = Sequence[Any]


def unindexed(table: str) -> str:
    """Name that `make_unindexed` gives."""
    return f"bare_{table}"


def make_unindexed(database: MigratedDatabase, table: str, role: str) -> None:
    """Make a table like another, without its indexes, that a role may write to."""
    names = {
        "bare": sql.Identifier(tables.SCHEMA, unindexed(table)),
        "table": sql.Identifier(tables.SCHEMA, table),
        "role": sql.Identifier(role),
    }
    with database.admin() as admin:
        admin.execute(sql.SQL("CREATE TABLE {bare} (LIKE {table} INCLUDING DEFAULTS)").format(**names))
        admin.execute(sql.SQL("GRANT ALL ON {bare} TO {role}").format(**names))


def executemany(
    connection: db.Connection, table: str, columns: Sequence[str], key: Sequence[str], rows: Iterable[Row]
) -> None:
    """The upsert as most would write it; psycopg sends the statements in a pipeline."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL(
        "INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {changes}"
    ).format(
        table=sql.Identifier(tables.SCHEMA, table),
        names=names,
        values=sql.SQL(", ").join(sql.Placeholder() for _ in columns),
        key=sql.SQL(", ").join(map(sql.Identifier, key)),
        changes=sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column))
            for column in columns
            if column not in key
        ),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def copy_rows(connection: db.Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Binary COPY: what a table without an index takes."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    target = sql.Identifier(tables.SCHEMA, table)
    probe = connection.execute(sql.SQL("SELECT {} FROM {} LIMIT 0").format(names, target))
    types = [column.type_code for column in probe.description or ()]
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(target, names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
