"""Rows of a CSV file with a header line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from workloads.price_pipeline.config import CsvSource
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, table

# Python's own limit of 131,072 characters would end the file at one cell that is longer.
csv.field_size_limit(64 * 1024 * 1024)


def read(config: CsvSource) -> Iterator[RawRow]:
    """Every row of the file, each with its original bytes.

    Raises:
        SourceError: the file cannot be read or lacks a column.
    """
    terms = table.market_terms(config)
    try:
        with Path(config.path).open("rb") as file:
            lines = _Lines(file, config.encoding)
            reader = csv.reader(lines, delimiter=config.delimiter)
            header = [name.strip() for name in next(reader, [])]
            table.require(config.columns, header, str(config.path))
            lines.taken()
            places = {name: place for place, name in enumerate(header)}
            for cells in reader:
                raw = lines.taken()
                if not cells:
                    continue
                if len(cells) != len(header):
                    problem = f"has {len(cells)} fields where the header has {len(header)}"
                    yield from table.malformed(config.columns, terms, raw, problem)
                    continue
                yield from table.split(config, terms, _getter(cells, places), raw)
    except OSError as error:
        raise SourceError(f"{config.path} cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise SourceError(f"{config.path} is not CSV: {error}") from error


def _getter(cells: list[str], places: dict[str, int]):
    return lambda name: cells[places[name]]


class _Lines:
    """Decoded lines for the CSV reader, which keep the bytes that they came from."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._bytes = b""

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self._bytes += line
            # Bytes that are no text stay apart from all text, so that the row is refused and not the file.
            yield line.decode(self._encoding, errors="surrogateescape")

    def taken(self) -> bytes:
        """The bytes read since the last call, without the line's end."""
        taken, self._bytes = self._bytes, b""
        return taken.rstrip(b"\r\n")
