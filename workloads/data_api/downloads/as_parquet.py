"""Parquet: a row group after the other, sent as it is written. Its footer comes last, so that a file which
broke off is none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

import pyarrow.parquet as pq

from workloads.data_api.downloads import as_arrow
from workloads.data_api.downloads.forms import Block, File, batches

_ROWS: Final = 1 << 16
"""Of a row group: as text some 9 MB, all of which is held at once."""


class _Outbox(io.RawIOBase):
    """What the writer wrote and nobody has taken yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: object, /) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def blocks(rows: Iterator[bytes], file: File) -> Iterator[Block]:
    """As `forms.Blocks`."""
    made, out = as_arrow.schema(file), _Outbox()
    # Its stubs take a bool alone.
    texts: Any = [one.name for one in file.columns if one.type == "text"]
    # Times follow each other at one distance: as differences they are an eighth of the file that they were.
    times = {one.name: "DELTA_BINARY_PACKED" for one in file.columns if one.type == "time"}
    groups = batches(rows, _ROWS)
    first = next(groups, None)
    writer = pq.ParquetWriter(out, made, compression="zstd", use_dictionary=texts, column_encoding=times)
    while first:
        writer.write_table(as_arrow.table(first, made))
        yield Block(out.take(), len(first))
        first = next(groups, None)
    writer.close()
    yield Block(out.take(), 0)
