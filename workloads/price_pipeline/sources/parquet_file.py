"""Rows of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
from pyarrow import parquet

from workloads.kit.contracts.sources.kinds import ParquetSource
from workloads.kit.contracts.sources.row_config import Tabled
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, table

_BATCH_ROWS = 10_000


def read(config: ParquetSource) -> Iterator[RawRow]:
    """Every row of the file; a row's bytes are its read columns as JSON.

    Raises:
        SourceError: the file cannot be read or lacks a column.
    """
    return rows(config, config.path, str(config.path))


def rows(config: Tabled, file: Path | IO[bytes], where: str) -> Iterator[RawRow]:
    """Every row of a file that is open, or that `where` names; as `read`."""
    terms, names = table.market_terms(config), config.columns.read
    try:
        with parquet.ParquetFile(file) as content:
            table.require(config.columns, list(content.schema_arrow.names), where)
            for batch in content.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                for row in _rows(batch):
                    raw = table.as_json(row)
                    spoilt = [f"{name}: {cell}" for name, cell in row.items() if isinstance(cell, _Spoilt)]
                    if spoilt:
                        problem = f"cannot be read: {'; '.join(spoilt)}"
                        yield from table.malformed(config.columns, terms, raw, problem)
                    else:
                        yield from table.split(config, terms, row.__getitem__, raw)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{where} cannot be read: {error}") from error


class _Spoilt(str):
    """Why a cell has no value."""


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, object]]:
    names: list[str] = batch.schema.names
    cells = [_cells(column) for column in batch.columns]
    for row in zip(*cells, strict=True):
        yield dict(zip(names, row, strict=True))


def _cells(column: pa.Array) -> list[object]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Cut to microseconds: Python's time has no more.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    try:
        return column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        return [_cell(scalar) for scalar in column]


def _cell(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError, pa.ArrowException) as error:
        # Its own text would be made of the value that it has not.
        return _Spoilt(f"{getattr(scalar, 'value', '')} as {scalar.type}: {error}".strip())
