"""What warehouse-etl writes to the staging topic and reads from it: rows of legacy tables, many a message."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import END, Utc

Operation = Literal["upsert", "delete"]

Kind = Literal["text", "integer", "number", "date", "timestamp", "boolean", "binary", "unknown"]
"""What a column holds, as far as a source's types are told apart: one that changes it stops its table. Of
`unknown` is what a source that has no types showed no value of."""

Value = str | int | float | bool | None

ColumnName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]

ROWS_A_MESSAGE: Final = 500
"""At most; fewer where they are long."""


class StagedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a load took in.

    Args:
        digest: SHA-256 of its content, in hexadecimal.
    """

    name: str
    digest: str


class LoadEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What a load was, told with its last rows.

    Args:
        rows, deletes: how many it has of each.
        watermark: up to where it read, as its source says it.
        columns: of the source, each with what it holds.
    """

    rows: Annotated[int, msgspec.Meta(ge=0)]
    deletes: Annotated[int, msgspec.Meta(ge=0)]
    watermark: str | None
    columns: dict[ColumnName, Kind]
    files: tuple[StagedFile, ...] = ()


class StagedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one load of one table, in the order in which they were read. A load's messages are one
    transaction and one partition: a reader has all of it or nothing.

    Args:
        load_id: counts the loads of the warehouse, over all tables.
        read_at: the instant of the run.
        first: number of the first row within the load, from 0.
        rows: key and record of each; of a delete, the record is empty.
        end: of the last message of a load.
    """

    topic: ClassVar[str] = topics.WAREHOUSE_STAGING

    schema_version: Literal[1] = 1
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=rf"^[a-z][a-z0-9_-]*{END}")]
    table: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=rf"^[a-z][a-z0-9_]*{END}")]
    load_id: Annotated[int, msgspec.Meta(ge=1)]
    read_at: Utc
    operation: Operation
    first: Annotated[int, msgspec.Meta(ge=0)]
    rows: list[tuple[str, dict[str, Value]]]
    end: LoadEnd | None = None
