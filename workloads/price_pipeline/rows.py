"""From a source's row to a typed price, or the reason why it is none."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from workloads.kit.contracts.messages import EARLIEST, LATEST, PRICE_LIMIT, Price, Provenance
from workloads.kit.dead_letters import text_of
from workloads.price_pipeline.config import SYNTHETIC_PREFIX

UNOBSERVED_MARKS = frozenset({"", "."})
"""How series files write that there was no price at a date."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every price of a series, and how its times are written."""

    source: str
    market: str
    currency: str
    unit: str
    provenance: Provenance
    publication_lag: timedelta = timedelta(0)
    time_format: str | None = None
    time_of_day: time = time(0)


@dataclass(frozen=True, slots=True)
class RawRow:
    """One price as its source gave it, unchecked. `raw` is the row's bytes, for the dead-letter topic;
    `problem` says why the source itself could not take the row apart."""

    terms: Terms
    raw: bytes = field(repr=False)
    symbol: object
    event_time: object
    price: object
    replayed_from: datetime | None = None
    problem: str | None = None
    fault: str | None = None
    """The fault that the generator put into this row."""


@dataclass(frozen=True, slots=True)
class Unobserved:
    """The source says that it has no price there: nothing to publish and nothing wrong."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not a price. `error` is the field at fault, or `row` or `schema`; `reason` names the
    value."""

    source: str
    symbol: str
    raw: bytes
    error: str
    reason: str


class Unreadable(ValueError):
    """A value that is not what its field must hold."""


def check(row: RawRow) -> Price | Unobserved | Refused:
    """The price that `row` gives. Negative prices are prices: oil and power have traded below zero."""
    try:
        return _check(row)
    except Exception as error:  # a cell takes no source down, whatever it holds
        return _refused(row, "row", f"{type(error).__name__}: {text_of(error)}")


def _check(row: RawRow) -> Price | Unobserved | Refused:
    if row.problem is not None:
        return _refused(row, "row", row.problem)
    if row.price is None or (isinstance(row.price, str) and row.price.strip() in UNOBSERVED_MARKS):
        return Unobserved()
    try:
        event_time = parse_time(row.event_time, row.terms)
    except Unreadable as error:
        return _refused(row, "event_time", str(error))
    try:
        price = parse_price(row.price)
    except Unreadable as error:
        return _refused(row, "price", str(error))
    terms = row.terms
    if isinstance(row.symbol, str) and (
        row.symbol.startswith(SYNTHETIC_PREFIX) != (terms.provenance == "synthetic")
    ):
        reason = f"{row.symbol!r}: symbols of synthetic prices, and no others, start with {SYNTHETIC_PREFIX}"
        return _refused(row, "symbol", reason)
    values = {
        "source": terms.source,
        "market": terms.market,
        "symbol": row.symbol,
        "event_time": event_time,
        "available_time": event_time + terms.publication_lag,
        "price": price,
        "currency": terms.currency,
        "unit": terms.unit,
        "provenance": terms.provenance,
        "replayed_from": row.replayed_from,
    }
    try:
        return msgspec.convert(values, Price)
    except msgspec.ValidationError as error:
        return _refused(row, "schema", f"{error} (symbol {_shown(row.symbol)})")


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def parse_price(value: object) -> float:
    """A finite number within `PRICE_LIMIT`; Unreadable for all else."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value.strip()):
            raise Unreadable(f"{_shown(value)} is not a number")
    elif isinstance(value, bool) or not hasattr(value, "__float__"):
        raise Unreadable(f"{_shown(value)} is not a number")
    try:
        price = float(value)  # type: ignore[arg-type]
    except (OverflowError, ValueError):
        raise Unreadable(f"{_shown(value)} is not a number") from None
    if not math.isfinite(price):
        raise Unreadable(f"{_shown(value)} is not finite")
    if abs(price) > PRICE_LIMIT:
        raise Unreadable(f"{_shown(value)} is no price: no commodity's is beyond {PRICE_LIMIT:g}")
    return price


_EPOCH_UNITS = {"epoch_seconds": 1, "epoch_milliseconds": 1000}


def parse_time(value: object, terms: Terms) -> datetime:
    """The instant, in UTC, that `value` names; Unreadable if it names none, or one that no price has."""
    try:
        instant = _instant(value, terms)
    except (ValueError, OverflowError, OSError):
        instant = None
    if instant is None:
        expected = terms.time_format or "an ISO 8601 date or time"
        raise Unreadable(f"{_shown(value)} is not {expected}")
    if not EARLIEST <= instant < LATEST:
        raise Unreadable(f"{_shown(value)} is not within {EARLIEST:%Y} and {LATEST:%Y}")
    return instant


def _instant(value: object, terms: Terms) -> datetime | None:
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, date):
        return datetime.combine(value, terms.time_of_day, UTC)
    if units := _EPOCH_UNITS.get(terms.time_format or ""):
        return datetime.fromtimestamp(float(str(value)) / units, UTC)
    return _written(value.strip(), terms) if isinstance(value, str) else None


def _written(text: str, terms: Terms) -> datetime:
    if terms.time_format is None:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return datetime.combine(date.fromisoformat(text), terms.time_of_day, UTC)
        return _utc(datetime.fromisoformat(text))
    parsed = datetime.strptime(text, terms.time_format)
    if re.search(r"%[HIcXsf]", terms.time_format):
        return _utc(parsed)
    return datetime.combine(parsed.date(), terms.time_of_day, UTC)


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _refused(row: RawRow, error: str, reason: str) -> Refused:
    symbol = row.symbol if isinstance(row.symbol, str) else _shown(row.symbol or "")
    return Refused(row.terms.source, symbol, row.raw, error, reason)


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # a nest or a number without end
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}…"
