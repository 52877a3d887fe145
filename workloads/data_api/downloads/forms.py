"""What a form of a file is made of, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from workloads.data_api.downloads.columns import Column
from workloads.data_api.problems import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Args:
    question: what was asked, as JSON.
    named: whether a CSV begins with its line of names.
    most: rows that a spreadsheet may have.
    """

    dataset: str
    columns: Sequence[Column]
    as_of: datetime
    question: str
    named: bool
    most: int


class Block(NamedTuple):
    """Bytes of the file, and how many rows are counted with them."""

    data: bytes
    rows: int


Blocks = Callable[[Iterator[bytes], File], Iterator[Block]]
"""Makes the file of rows as COPY sends them, a line each. It reads a row before it gives a block, so that
what is wrong can still be said."""


def batches(rows: Iterable[bytes], count: int) -> Iterator[list[bytes]]:
    """The rows, so many at once."""
    found = iter(rows)
    while batch := list(islice(found, count)):
        yield batch


def too_many(most: int) -> Refused:
    """The refusal of a spreadsheet that would have more rows than `most`."""
    return Refused(
        422,
        f"there are more than the {most} rows that a spreadsheet is made of",
        field="format",
        value="xlsx",
        remedy="ask for format=parquet or format=csv, or for less: a symbol, a shorter time",
        reason="invalid",
    )
