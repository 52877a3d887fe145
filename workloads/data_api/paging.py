"""Pages: where one begins, and the cursor to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, LiteralString, NamedTuple, TypeVar, cast

from psycopg import sql

from workloads.data_api import cursors, identity
from workloads.data_api.problems import Refused
from workloads.data_api.questions import PagedQuery, PeriodsQuery, Query
from workloads.data_api.store import Row
from workloads.kit.contracts.messages import EARLIEST, LATEST, Name, Resolution, Utc

K = TypeVar("K")
R = TypeVar("R")
P = TypeVar("P", bound=PeriodsQuery)


@dataclass(frozen=True, slots=True)
class Place(Generic[K]):
    """Args:
    as_of: of all pages of the question; never later than when the first was asked for.
    after: key of the last row of the page before; None on the first.
    """

    as_of: datetime
    after: K | None


class PeriodKey(NamedTuple):
    """The order of rows by delivery period, and what their cursor holds."""

    start: Utc
    source: Name
    resolution: Resolution
    published: Utc


def of_periods(query: PeriodsQuery, at: Place[PeriodKey]) -> dict[str, Any]:
    """Values of a statement for the page: the question's, `after_…` of the row before it, null on the first
    page, and a `count` of one more than the page holds. No period before that row's is looked at again."""
    after = at.after
    return {
        "symbol": query.symbol,
        "source": query.source,
        "resolution": query.resolution,
        "start": after.start if after else query.start or EARLIEST,
        "end": query.end or LATEST,
        "as_of": at.as_of,
        "count": query.limit + 1,
        **{f"after_{name}": getattr(after, name, None) for name in PeriodKey._fields},
    }


NAMED: Final = ("symbol", "source", "resolution")
"""What questions that are asked at once differ in."""


def each(statement: sql.Composed, order: Sequence[str]) -> sql.Composed:
    """A statement that takes values as `of_periods` gives them, for many `NAMED` at once: values of
    `of_each`, rows in the same `order` within each, and of which of them each is, as `place`, from 1."""
    text = statement.as_string(None)
    for name in NAMED:
        text = text.replace(f"%({name})s", f"k.{name}")
    return sql.SQL(
        "SELECT k.place, page.* FROM unnest({arrays}) WITH ORDINALITY AS k({names}, place)"
        " CROSS JOIN LATERAL ({one}) page ORDER BY k.place, {order}"
    ).format(
        arrays=sql.SQL(", ").join(sql.SQL("{}::text[]").format(sql.Placeholder(name)) for name in NAMED),
        names=sql.SQL(", ").join(map(sql.Identifier, NAMED)),
        one=sql.SQL(cast("LiteralString", text)),
        order=sql.SQL(", ").join(sql.Identifier("page", name) for name in order),
    )


def of_each(queries: Sequence[PeriodsQuery], at: Place[PeriodKey]) -> dict[str, Any]:
    """Values of `each`, for questions that differ in `NAMED` alone."""
    named = {name: [getattr(query, name) for query in queries] for name in NAMED}
    return {**of_periods(queries[0], at), **named}


def parted(queries: Sequence[P], found: Sequence[Row]) -> Iterator[tuple[P, list[Row]]]:
    """Each question with its rows of those that `each` found."""
    rows: list[list[Row]] = [[] for _ in queries]
    for row in found:
        rows[row.pop("place") - 1].append(row)
    return zip(queries, rows, strict=True)


def place(query: PagedQuery, kind: type[K]) -> Place[K]:
    """Where the page asked for begins. Refused where the cursor is none of this question."""
    if query.cursor is None:
        # Of an instant to come, more may be published while its pages are read.
        newest = identity.newest()
        as_of: datetime | None = getattr(query, "as_of", None)
        return Place(min(as_of or newest, newest), None)
    try:
        as_of, after = cursors.decode(query.cursor, asked(query), kind)
    except cursors.BadCursor as error:
        raise Refused(
            422,
            f"it continues no page of this question: {error}",
            field="cursor",
            value=query.cursor,
            remedy="give `next` of the page before with the same other parameters, or start without one",
            reason="invalid",
        ) from error
    return Place(as_of, after)


def asked(query: Query) -> dict[str, Any]:
    """The question and who asks it: a cursor of one tenant goes on for no other."""
    return {**query.question(), "asking": identity.asking().mark}


def cut(
    query: PagedQuery, at: Place[K], found: Sequence[R], key: Callable[[R], K]
) -> tuple[Sequence[R], str | None]:
    """The page's rows of those found, one more than its limit where there are more, and the next cursor."""
    rows = found[: query.limit]
    if len(found) <= query.limit:
        return rows, None
    return rows, cursors.encode(asked(query), at.as_of, key(rows[-1]))
