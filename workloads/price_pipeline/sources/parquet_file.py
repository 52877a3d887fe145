"""Rows of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import parquet

from workloads.price_pipeline.config import ParquetSource
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, table

_BATCH_ROWS = 10_000


def read(config: ParquetSource) -> Iterator[RawRow]:
    """Every row of the file; a row's bytes are its read columns as JSON.

    Raises:
        SourceError: the file cannot be read or lacks a column.
    """
    terms = table.market_terms(config)
    try:
        with parquet.ParquetFile(config.path) as file:
            table.require(config.columns, list(file.schema_arrow.names), str(config.path))
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=table.wanted(config.columns)):
                for row in batch.to_pylist():
                    yield from table.split(config, terms, row.__getitem__, table.as_json(row))
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{config.path} cannot be read: {error}") from error
