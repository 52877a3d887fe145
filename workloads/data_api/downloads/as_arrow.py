"""Rows as COPY sends them, as Arrow tables of typed columns, each of which says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv

from workloads.data_api.downloads.columns import Column, Type
from workloads.data_api.downloads.forms import File

_TYPES: Final[Mapping[Type, pa.DataType]] = {
    "time": pa.timestamp("us", "UTC"),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "text": pa.dictionary(pa.int32(), pa.string()),
}


def schema(file: File) -> pa.Schema:
    """Metadata of a field: `description` and `unit`. Of the file: what it is, as of when, what was asked, and
    the same of the columns for readers that do not know Arrow's schema."""
    fields = [
        pa.field(one.name, _TYPES[one.type], nullable=one.nullable, metadata=_told(one))
        for one in file.columns
    ]
    told = [one.model_dump() for one in file.columns]
    return pa.schema(
        fields,
        metadata={
            "carbon.dataset": file.dataset,
            "carbon.as_of": file.as_of.isoformat(),
            "carbon.question": file.question,
            "carbon.columns": json.dumps(told),
        },
    )


def _told(column: Column) -> dict[str, str]:
    unit = {} if column.unit is None else {"unit": column.unit}
    return {"description": column.meaning, **unit}


def table(rows: Sequence[bytes], made: pa.Schema) -> pa.Table:
    """The rows' lines, as the schema has them. An empty value is null, an empty text is `""`."""
    data = b"".join(rows)
    found: Any = csv.read_csv(
        pa.py_buffer(data),
        # One block and one thread: a batch is small, and other requests want the cores.
        read_options=csv.ReadOptions(column_names=made.names, use_threads=False, block_size=len(data) + 1),
        convert_options=csv.ConvertOptions(
            column_types=made,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["true"],
            false_values=["false"],
        ),
    )
    return found.cast(made)
