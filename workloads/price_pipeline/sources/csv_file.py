"""Rows of CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO

from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.sources.csv_config import CsvLayout
from workloads.kit.contracts.sources.kinds import CsvSource
from workloads.kit.contracts.sources.row_config import Tabled
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import RawRow, Refused, Terms
from workloads.price_pipeline.sources import SourceError, csv_lines, table, unpack


def read(config: CsvSource) -> Iterator[RawRow]:
    """Every row of the file, each with its original bytes.

    Raises:
        SourceError: the file cannot be read or lacks a column.
    """
    try:
        with config.path.open("rb") as file:
            yield from rows(config, config, file, str(config.path))
    except OSError as error:
        raise SourceError(f"{config.path} cannot be read: {error.strerror or error}") from error


def rows(config: Tabled, layout: CsvLayout, file: IO[bytes], where: str) -> Iterator[RawRow]:
    """Every row of a file that is open, or of all that it packs; as `read`."""
    try:
        for name, content in unpack.unpacked(file, where, layout.members):
            yield from _rows(config, layout, content, name)
    except csv_lines.LineTooLong as error:
        raise SourceError(f"{where} {error}") from error
    except unpack.FAULTS as error:
        raise SourceError(f"{where} cannot be unpacked: {error}") from error


def _rows(config: Tabled, layout: CsvLayout, file: IO[bytes], where: str) -> Iterator[RawRow]:
    terms = table.market_terms(config)
    header: list[str] = list(layout.header or ())
    places: dict[str, int] = {name: place for place, name in enumerate(header)}

    def is_row(cells: list[str], certain: int, raw: bytes) -> bool:
        last = max((places[name] for name in config.columns.read if name in places), default=0)
        whole = len(cells) == len(places) and last < certain
        return whole and _dated(config, terms, _getter(cells, places), raw)

    found = csv_lines.records(file, layout, is_row)
    if not header:
        first = next(found, None)
        if first is not None and first.problem is not None:
            raise SourceError(f"{where} has no header: {first.problem}")
        if first is None:
            raise SourceError(f"{where} is empty: there is not even a header")
        header += [name.strip() for name in first.cells]
        places |= {name: place for place, name in enumerate(header)}
    table.require(config.columns, header, where)
    for record in found:
        problem = record.problem
        if problem is None and len(record.cells) != len(header):
            problem = f"line {record.line} has {len(record.cells)} fields where the header has {len(header)}"
        if problem is not None:
            yield from table.malformed(config.columns, terms, record.raw, problem, line=record.line)
        else:
            yield from table.split(config, terms, _getter(record.cells, places), record.raw, line=record.line)


def _dated(config: Tabled, terms: Terms, get: Callable[[str], object], raw: bytes) -> bool:
    """Whether some price of the row has a time."""
    for row in table.split(config, terms, get, raw):
        result = check(row)
        refused = isinstance(result, Refused) and result.error not in ("event_time", "row")
        if refused or isinstance(result, Message):
            return True
    return False


def _getter(cells: list[str], places: dict[str, int]) -> Callable[[str], object]:
    return lambda name: cells[places[name]]
