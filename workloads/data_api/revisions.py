"""Rows of which each may have revisions: of each the one that held at an instant, or all until then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, LiteralString

from psycopg import sql
from pydantic import Field

from workloads.data_api.questions import AsOfQuery
from workloads.kit.contracts.tables import SCHEMA

Revisions = Literal["latest", "all"]

_CURSOR: Final = {"delivery_start": "start", "published_at": "published"}
"""Column → its field of a cursor, where that has another name."""


class RevisionsQuery(AsOfQuery):
    """Parameters of a route whose rows have revisions."""

    revisions: Revisions = Field(
        "latest", description="Of each period the revision that held at `as_of`, or all until then."
    )


def select(
    table: str, *, columns: Sequence[str], of: Sequence[str], identity: Sequence[str], holds: LiteralString
) -> Mapping[Revisions, sql.Composed]:
    """Statements of a page: `columns` by identity and `published_at`.

    Their values are each of `of`, each of `identity` but `delivery_start` (None is any), `start`, `end`,
    `as_of`, `count`, and `after_…` of the row before the page, None on the first.

    Args:
        of: columns that the question names.
        identity: columns that, within those, tell rows apart; revisions share them all.
        holds: of `columns`, what the newest revision says where there is such a row at all.
    """
    asked = [_equal(name) for name in of]
    asked += [_any(name) for name in identity if name != "delivery_start"]

    def made(distinct: sql.Composable, order: Sequence[str], published: LiteralString) -> sql.Composed:
        return sql.SQL(
            "SELECT {distinct} {columns} FROM {table} WHERE {asked}"
            " AND delivery_start >= %(start)s AND delivery_start < %(end)s AND published_at <= %(as_of)s"
            " AND (%(after_start)s::timestamptz IS NULL OR ({key}) > ({after}))"
            " ORDER BY {identity}, published_at {published}"
        ).format(
            distinct=distinct,
            columns=_names(columns),
            table=sql.Identifier(SCHEMA, table),
            asked=sql.SQL(" AND ").join(asked),
            key=_names(order),
            after=sql.SQL(", ").join(sql.Placeholder(f"after_{_CURSOR.get(name, name)}") for name in order),
            identity=_names(identity),
            published=sql.SQL(published),
        )

    # Chosen first, then left out: else an older revision would take the place of one that is withdrawn. Rows
    # keep their order where some are left out; to sort them beside the limit would be to read all first.
    newest = made(sql.SQL("DISTINCT ON ({})").format(_names(identity)), identity, "DESC")
    return {
        "latest": sql.SQL(
            "SELECT * FROM (SELECT * FROM ({newest}) newest WHERE {holds} LIMIT %(count)s) page"
            " ORDER BY {identity}"
        ).format(newest=newest, holds=sql.SQL(holds), identity=_names(identity)),
        "all": made(sql.SQL(""), (*identity, "published_at"), "ASC") + sql.SQL(" LIMIT %(count)s"),
    }


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _equal(name: str) -> sql.Composed:
    return sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))


def _any(name: str) -> sql.Composed:
    given = sql.Placeholder(name)
    return sql.SQL("({given}::text IS NULL OR {} = {given})").format(sql.Identifier(name), given=given)
