"""What sources of rows with columns share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from workloads.kit.contracts.messages import EARLIEST, LATEST
from workloads.kit.contracts.sources.columns import Columns
from workloads.kit.contracts.sources.row_config import KINDS, Tabled
from workloads.kit.periods import Resolution
from workloads.price_pipeline.rows import RawRow, Terms
from workloads.price_pipeline.sources import SourceError


def market_terms(config: Tabled) -> Terms:
    """Terms of a configured source of market prices."""
    return Terms(
        source=config.name,
        market=config.market,
        currency=config.stated("currency"),
        unit=config.stated("unit"),
        provenance="market",
        product=config.product,
        kind=KINDS[config.publishes],
        resolution=Resolution.parse(config.resolution),
        resolution_from=tuple(
            (day, Resolution.parse(text)) for day, text in sorted(config.resolution_from.items())
        ),
        zone=ZoneInfo(config.time_zone),
        publication_lag=config.publication_lag,
        publication=config.publication,
        time_format=config.time_format,
        published_format=_published_format(config),
        time_of_day=config.time_of_day,
        labels=config.labels,
        in_order=config.repeated == "in_order",
        decimal=config.decimal,
        thousands=("." if config.decimal == "," else "") if config.thousands is None else config.thousands,
        no_price=frozenset(config.no_price),
        withdrawn=frozenset(config.withdrawn),
        by_status=config.columns.status is not None,
    )


def _published_format(config: Tabled) -> str | None:
    if config.published_format is None:
        return config.time_format
    return None if config.published_format == "iso" else config.published_format


def split(
    config: Tabled, terms: Terms, get: Callable[[str], object], raw: bytes, *, line: int = 0
) -> Iterator[RawRow]:
    """The prices of one row: one a price column where it is wide, else one. `get` raises LookupError for what
    the row leaves out: a number left out is none that was observed, a status left out says nothing, a
    currency, unit or zone is the source's, all else is needed."""
    columns = config.columns

    def cell(column: str | None) -> object:
        return None if column is None else get(column)

    event_time = get(columns.event_time)
    beside = (
        cell(columns.hour),
        cell(columns.repeated),
        cell(columns.published_at),
        _if_there(get, columns.status),
        _if_there(get, columns.currency),
        _if_there(get, columns.unit),
        _symbol(config.zones, _if_there(get, columns.zone)),
    )
    if columns.label is not None and columns.amount is not None:
        symbol = _symbol(config.symbols, get(columns.label))
        price, given = _price(get, columns.amount)
        yield RawRow(terms, raw, symbol, event_time, price, *beside, line=line, given=given)
    for column, symbol in columns.wide.items():
        price, given = _price(get, column)
        yield RawRow(terms, raw, symbol, event_time, price, *beside, line=line, given=given)


_DAYS_APART = timedelta(days=2)
"""More than a local label, or the date beside an hour, is from the instant that it names."""


def asked(
    config: Tabled, since: datetime | None, until: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """The range of a source's own labels that holds all periods that start from `since` to `until`."""
    if config.time_zone == "UTC" and config.labels == "start":
        return since, until
    if until is not None and config.labels == "end":
        until = Resolution.parse(config.resolution).end(until, ZoneInfo(config.time_zone))
    return (
        None if since is None else max(since, EARLIEST + _DAYS_APART) - _DAYS_APART,
        None if until is None else min(until, LATEST) + _DAYS_APART,
    )


def _symbol(symbols: Mapping[str, str], written: object) -> object:
    if isinstance(written, str):
        # Blanks around a name fill its column up.
        return symbols.get(written) or symbols.get(written.strip(), written.strip())
    if not symbols or isinstance(written, bool) or not isinstance(written, int):
        return written
    return symbols.get(str(written), written)


def _price(get: Callable[[str], object], column: str) -> tuple[object, bool]:
    """The cell of a price, and whether the row has one."""
    try:
        return get(column), True
    except LookupError:
        return None, False


def _if_there(get: Callable[[str], object], column: str | None) -> object:
    try:
        return None if column is None else get(column)
    except LookupError:
        return None


def malformed(columns: Columns, terms: Terms, raw: bytes, problem: str, *, line: int = 0) -> Iterator[RawRow]:
    """The prices of a row that could not be taken apart."""
    for symbol in columns.wide.values() or [None]:
        yield RawRow(terms, raw, symbol, None, None, problem=problem, line=line)


def priced(columns: Columns) -> list[str]:
    """Names of the columns that hold prices."""
    return [name for name in (columns.amount, *columns.wide) if name]


def require(columns: Columns, present: list[str], where: str) -> None:
    """SourceError unless each column that is read is among `present`."""
    if twice := [name for name in columns.read if present.count(name) > 1]:
        raise SourceError(f"{where} has more than one column {', '.join(map(repr, twice))}")
    if missing := [name for name in columns.read if name not in present]:
        raise SourceError(
            f"{where} has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(repr, present))}: correct `columns`"
        )


def as_json(row: Mapping[str, object]) -> bytes:
    """Bytes that stand for a row of a source whose rows have none of their own."""
    return json.dumps(row, default=str, ensure_ascii=False, sort_keys=True).encode()
