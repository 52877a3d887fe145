"""Rows of a local time that the clock shows twice, told apart by their order, where some withdraw a price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from workloads.price_pipeline.cells import shown
from workloads.price_pipeline.labels import first_of_two
from workloads.price_pipeline.marks import is_withdrawn
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import Incomplete


class _Waiting(NamedTuple):
    """A row, and when the first of the two periods begins that its label may mean."""

    first: datetime
    row: RawRow


def told_apart(rows: Iterable[RawRow], *, ordered: bool) -> Iterator[RawRow]:
    """The rows, so that the first of a symbol may be taken for the first (`repeated: in_order`).

    Two rows of a label are one of each of its periods, whatever they say. Where there are more, some period
    has several: those that withdraw a price are of one that has another row. They take no place, and which of
    the two they are of nothing says: with two prices that makes no difference, since a price that is given
    beside its withdrawal holds. Where it does, they are refused.

    Args:
        ordered: whether a symbol's rows come in the order of their times. Then those of a label are told
            apart once a row of another time comes, else at the end.
    """
    waiting: dict[str, list[_Waiting]] = {}
    try:
        for row in rows:
            if not (row.terms.in_order and row.terms.withdrawn):
                yield row
                continue
            try:
                series, first = str(row.series), first_of_two(row)
            except Exception:  # whatever it holds: `check` says what is wrong with it
                yield row
                continue
            if first is not None:
                waiting.setdefault(series, []).append(_Waiting(first, row))
                continue
            if ordered:
                yield from _decided(waiting.pop(series, ()))
            yield row
    except Incomplete:
        yield from _all(waiting)
        raise
    yield from _all(waiting)


def _all(waiting: dict[str, list[_Waiting]]) -> Iterator[RawRow]:
    for held in waiting.values():
        yield from _decided(held)


def _decided(held: Sequence[_Waiting]) -> Iterator[RawRow]:
    """Of one symbol."""
    of_label: dict[datetime, list[RawRow]] = {}
    for first, row in held:
        of_label.setdefault(first, []).append(row)
    for first, row in held:
        rows = of_label[first]
        prices = [one for one in rows if not is_withdrawn(one)]
        if len(rows) <= 2 or not prices:
            yield row
        elif len(prices) == 1 or (is_withdrawn(row) and row.published_at is not None):
            yield replace(row, problem=_untold(row, len(rows)))
        elif row is prices[0]:
            # Those that withdraw stand beside it, where rows are said to be in order, too.
            beside = (one for one in rows if is_withdrawn(one) and one.published_at is None)
            yield from (replace(one, repeated=False) for one in (*beside, row))
        elif not is_withdrawn(row):
            yield replace(row, repeated=True) if row is prices[1] else row


def _untold(row: RawRow, count: int) -> str:
    return (
        f"{shown(row.event_time)} is given {count} times, also withdrawn, and the clock shows it twice: which"
        " of the two a row is of their order does not say; give `columns.repeated`, or times with an offset"
    )
