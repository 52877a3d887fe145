"""What a source's own marks say of a row: that it has no price, or that one it gave is withdrawn."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from workloads.price_pipeline.cells import Unreadable, read_price
from workloads.price_pipeline.rows import RawRow


class _Marks(NamedTuple):
    texts: frozenset[str]
    numbers: frozenset[float]


def is_no_price(row: RawRow) -> bool:
    """Whether the price's cell is empty, or as the source writes that there is none."""
    if row.price is None:
        return True
    marks = row.terms.no_price
    if isinstance(row.price, str) and row.price.strip() in marks:
        return True
    return _is_marked(row.price, _read(marks, row.terms.decimal, row.terms.thousands), row)


def is_withdrawn(row: RawRow) -> bool:
    """Whether its status, or where it has none the price's own cell, is one of the source's marks. A cell
    that the row has not says nothing."""
    terms = row.terms
    if not terms.withdrawn:
        return False
    cell = row.status if terms.by_status else row.price
    if cell is None and (terms.by_status or not row.given):
        return False
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        cell = ""
    return _is_marked(cell, _read(terms.withdrawn, terms.decimal, terms.thousands), row)


def _is_marked(cell: object, marks: _Marks, row: RawRow) -> bool:
    """Whether a cell is one of the marks: by its letters, small or capital, or by its number."""
    terms = row.terms
    try:
        if str(cell).strip().casefold() in marks.texts:
            return True
        return bool(marks.numbers) and read_price(cell, terms.decimal, terms.thousands) in marks.numbers
    except (ValueError, RecursionError):
        return False  # what is no number, and a number or a nest without end


def is_untimed(row: RawRow) -> bool:
    """Whether it withdraws a price and leaves out since when: then it is from now on."""
    return isinstance(row.published_at, str) and not row.published_at.strip() and is_withdrawn(row)


@lru_cache(maxsize=64)
def _read(marks: frozenset[str], decimal: str, thousands: str) -> _Marks:
    numbers: set[float] = set()
    for mark in marks:
        try:
            numbers.add(read_price(mark, decimal, thousands))
        except Unreadable:
            continue
    return _Marks(frozenset(mark.strip().casefold() for mark in marks), frozenset(numbers))
