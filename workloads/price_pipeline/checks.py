"""From a source's row to a typed price or indicator, or the reason why it is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from workloads.kit.contracts.indicators import Indicator, Message
from workloads.kit.contracts.messages import Price
from workloads.kit.dead_letters import text_of
from workloads.kit.periods import NoSuchTime
from workloads.price_pipeline.cells import Unreadable, read_price, shown
from workloads.price_pipeline.labels import Seen, of_its_day, period, published
from workloads.price_pipeline.marks import is_no_price, is_untimed, is_withdrawn
from workloads.price_pipeline.rows import RawRow, Refused, Unobserved, own

_NO_CURRENCY, _NO_UNIT = "XXX", "-"
"""Of what takes a price back, whose terms are those of what was published: `settle` knows them."""


def check(row: RawRow, seen: Seen | None = None) -> Message | Unobserved | Refused:
    """The price or indicator that `row` gives. Negative prices are prices: oil and power have traded below
    zero.

    Args:
        seen: of the source's rows so far, where repeated local times are told apart by their order.
    """
    try:
        return _check(row, seen or Seen())
    except Exception as error:  # a cell takes no source down, whatever it holds
        return _refused(row, "row", f"{type(error).__name__}: {text_of(error)}")


def _check(row: RawRow, seen: Seen) -> Message | Unobserved | Refused:
    if row.problem is not None:
        return _refused(row, "row", row.problem)
    withdrawn = is_withdrawn(row)
    if is_untimed(row):
        row = replace(row, published_at=None)
    field = "event_time"
    try:
        row = of_its_day(row)
    except Unreadable as error:
        return _refused(row, field, str(error))
    terms = row.terms
    try:
        # The time first: a row without a price counts where times are told apart by their order.
        start, end = row.period or period(row, seen)
        if not withdrawn and is_no_price(row):
            return Unobserved()
        field = "published_at"
        known = start if row.period else published(row, start, end)
        field = "price"
        # What is taken back is what was published: `settle` knows it.
        amount = 0.0 if withdrawn else read_price(row.price, terms.decimal, terms.thousands)
    except (Unreadable, NoSuchTime) as error:
        if not withdrawn and is_no_price(row):
            return Unobserved()
        return _refused(row, field, str(error))
    if not withdrawn and (missing := _unnamed(row)):
        return _refused(
            row,
            missing,
            f"{missing} is empty and the source states none: give it `{missing}`, for rows without their own",
        )
    try:
        return _message(row, start, end, known, amount, withdrawn)
    except msgspec.ValidationError as error:
        if terms.kind is None:
            return _refused(row, "schema", f"{error} (symbol {shown(row.symbol)})")
        zone = shown(own(row.zone, terms.market))
        named = f"indicator {shown(row.symbol)} of zone {zone}: `symbols` and `zones` map what a source says"
        return _refused(row, "schema", f"{error} ({named})")


def _unnamed(row: RawRow) -> str | None:
    """Which of what makes a number a price neither the row nor its source says."""
    terms = row.terms
    if own(row.unit, terms.unit) == "":
        return "unit"
    if terms.kind is None and own(row.currency, terms.currency) == "":
        return "currency"
    return None


def _message(
    row: RawRow, start: datetime, end: datetime, known: datetime, amount: float, withdrawn: bool
) -> Message:
    """Raises msgspec.ValidationError."""
    terms = row.terms
    values: dict[str, Any] = {
        "source": terms.source,
        "delivery_start": start,
        "delivery_end": end,
        "resolution": terms.resolution.text,
        "published_at": known,
        "unit": _NO_UNIT if withdrawn else own(row.unit, terms.unit),
        "provenance": terms.provenance,
        "replayed_from": row.replayed_from,
    }
    if terms.kind is not None:
        zone = own(row.zone, terms.market)
        named = {"schema_version": 1, "zone": zone, "name": row.symbol, "kind": terms.kind}
        return msgspec.convert(values | named | {"value": amount}, Indicator)
    instrument = {
        "schema_version": 2,
        "market": terms.market,
        "symbol": row.symbol,
        "product": terms.product,
        "currency": _NO_CURRENCY if withdrawn else own(row.currency, terms.currency),
        **({"correction": True, "withdrawn": "source"} if withdrawn else {}),
    }
    return msgspec.convert(values | instrument | {"price": amount}, Price)


def _refused(row: RawRow, error: str, reason: str) -> Refused:
    series = row.series if isinstance(row.series, str) else shown(row.series or "")
    topic = Price.topic if row.terms.kind is None else Indicator.topic
    return Refused(row.terms.source, series, row.raw, error, reason, row.line, topic, row.terms.workload)
