"""From a source's row to a typed price, or the reason why it is none."""

from __future__ import annotations

from typing import Any

import msgspec

from workloads.kit.contracts.messages import Price
from workloads.kit.dead_letters import text_of
from workloads.kit.periods import NoSuchTime
from workloads.price_pipeline.cells import Unreadable, read_price, shown
from workloads.price_pipeline.labels import Seen, of_its_day, period, published
from workloads.price_pipeline.rows import RawRow, Refused, Unobserved


def check(row: RawRow, seen: Seen | None = None) -> Price | Unobserved | Refused:
    """The price that `row` gives. Negative prices are prices: oil and power have traded below zero.

    Args:
        seen: of the source's rows so far, where repeated local times are told apart by their order.
    """
    try:
        return _check(row, seen or Seen())
    except Exception as error:  # a cell takes no source down, whatever it holds
        return _refused(row, "row", f"{type(error).__name__}: {text_of(error)}")


def _check(row: RawRow, seen: Seen) -> Price | Unobserved | Refused:
    if row.problem is not None:
        return _refused(row, "row", row.problem)
    field = "event_time"
    try:
        row = of_its_day(row)
    except Unreadable as error:
        return _refused(row, field, str(error))
    terms = row.terms
    try:
        # The time first: a row without a price counts where times are told apart by their order.
        start, end = row.period or period(row, seen)
        if row.price is None or (isinstance(row.price, str) and row.price.strip() in terms.no_price):
            return Unobserved()
        field = "published_at"
        known = start if row.period else published(row, start, end)
        field = "price"
        price = read_price(row.price, terms.decimal, terms.thousands)
    except (Unreadable, NoSuchTime) as error:
        if row.price is None or (isinstance(row.price, str) and row.price.strip() in terms.no_price):
            return Unobserved()
        return _refused(row, field, str(error))
    values: dict[str, Any] = {
        "source": terms.source,
        "market": terms.market,
        "symbol": row.symbol,
        "product": terms.product,
        "delivery_start": start,
        "delivery_end": end,
        "resolution": terms.resolution.text,
        "published_at": known,
        "price": price,
        "currency": _own(row.currency, terms.currency),
        "unit": _own(row.unit, terms.unit),
        "provenance": terms.provenance,
        "replayed_from": row.replayed_from,
    }
    try:
        return msgspec.convert(values | {"schema_version": 2}, Price)
    except msgspec.ValidationError as error:
        return _refused(row, "schema", f"{error} (symbol {shown(row.symbol)})")


def _own(cell: object, given: str) -> object:
    """A row's own currency or unit; the source's where it has none."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return given
    return cell.strip() if isinstance(cell, str) else cell


def _refused(row: RawRow, error: str, reason: str) -> Refused:
    symbol = row.symbol if isinstance(row.symbol, str) else shown(row.symbol or "")
    return Refused(row.terms.source, symbol, row.raw, error, reason, row.line)
