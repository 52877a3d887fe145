"""What sources of rows with columns share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from workloads.price_pipeline.config import Columns, CsvSource, HttpSource, ParquetSource, SqlSource
from workloads.price_pipeline.rows import RawRow, Terms
from workloads.price_pipeline.sources import SourceError

Tabled = CsvSource | ParquetSource | SqlSource | HttpSource


def market_terms(config: Tabled) -> Terms:
    """Terms of a configured source of market prices."""
    return Terms(
        source=config.name,
        market=config.market,
        currency=config.currency,
        unit=config.unit,
        provenance="market",
        publication_lag=config.publication_lag,
        time_format=config.time_format,
        time_of_day=config.time_of_day,
    )


def split(config: Tabled, terms: Terms, get: Callable[[str], object], raw: bytes) -> Iterator[RawRow]:
    """The prices of one row: one a price column where it is wide, else one. `get` raises LookupError for what
    the row leaves out: a price left out is none that was observed, all else is needed."""
    columns = config.columns
    event_time = get(columns.event_time)
    if columns.symbol is not None and columns.price is not None:
        yield RawRow(
            terms, raw, _symbol(config.symbols, get(columns.symbol)), event_time, _price(get, columns.price)
        )
    for column, symbol in columns.prices.items():
        yield RawRow(terms, raw, symbol, event_time, _price(get, column))


def _symbol(symbols: Mapping[str, str], written: object) -> object:
    if not symbols or isinstance(written, bool) or not isinstance(written, str | int):
        return written
    name = str(written)
    return symbols.get(name) or symbols.get(name.strip(), written)


def _price(get: Callable[[str], object], column: str) -> object:
    try:
        return get(column)
    except LookupError:
        return None


def malformed(columns: Columns, terms: Terms, raw: bytes, problem: str) -> Iterator[RawRow]:
    """The prices of a row that could not be taken apart."""
    for symbol in columns.prices.values() or [None]:
        yield RawRow(terms, raw, symbol, None, None, problem=problem)


def wanted(columns: Columns) -> list[str]:
    """Names of the columns that are read."""
    return [name for name in (columns.event_time, columns.symbol, columns.price, *columns.prices) if name]


def priced(columns: Columns) -> list[str]:
    """Names of the columns that hold prices."""
    return [name for name in (columns.price, *columns.prices) if name]


def require(columns: Columns, present: list[str], where: str) -> None:
    """SourceError unless each column that is read is among `present`."""
    if twice := [name for name in wanted(columns) if present.count(name) > 1]:
        raise SourceError(f"{where} has more than one column {', '.join(map(repr, twice))}")
    if missing := [name for name in wanted(columns) if name not in present]:
        raise SourceError(
            f"{where} has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(repr, present))}: correct `columns`"
        )


def as_json(row: Mapping[str, object]) -> bytes:
    """Bytes that stand for a row of a source whose rows have none of their own."""
    return json.dumps(row, default=str, ensure_ascii=False, sort_keys=True).encode()
