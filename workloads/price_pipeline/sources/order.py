"""Rows in the order that is stated of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from workloads.kit.contracts.indicators import Message
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.labels import Seen
from workloads.price_pipeline.repeated import told_apart
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError


def arranged(rows: Iterator[RawRow], where: str, *, ordered: bool) -> Iterator[RawRow]:
    """The rows, with those told apart whose order is all that tells them apart; where they are stated to be
    `ordered`, while they are (`SourceError`)."""
    apart = told_apart(rows, ordered=ordered)
    return _in_order(apart, where) if ordered else apart


def _in_order(rows: Iterator[RawRow], where: str) -> Iterator[RawRow]:
    """The rows, while those of each symbol follow each other in time.

    Raises:
        SourceError: a price is before one of its symbol that came, or comes again after others: it would
            count as late, or as a correction of what it repeats.
    """
    newest: dict[str, datetime] = {}
    instant: datetime | None = None
    seen = Seen()
    for row in rows:
        price = check(row, seen)
        if isinstance(price, Message):
            last = newest.get(price.series, price.delivery_start)
            again = price.series in newest and price.delivery_start == last != instant
            if price.delivery_start < last or again:
                raise SourceError(
                    f"{where} is not in order, as `ordered: true` states: {price.series} of "
                    f"{price.delivery_start.isoformat()} comes after {last.isoformat()}; set it to false"
                )
            newest[price.series] = instant = price.delivery_start
        yield row
