"""What is read of a legacy table, whatever it is kept in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from workloads.kit.contracts.warehouse import Kind, StagedFile, Value

Record = dict[str, Value]


class SourceError(Exception):
    """A source, or a table of one, that cannot be read: the message says what to do."""


class SourceKey(NamedTuple):
    """A row's key at its source, which only the source itself understands."""

    values: tuple[Any, ...]
    record: Record


class Figures(NamedTuple):
    """What a table amounts to at its source: rows, and what each column of numbers adds up to, as text."""

    rows: int
    sums: Mapping[str, str]


class Reading(Protocol):
    """A table as of one instant of its source. Rows are its columns as `plain` has them.

    `is_whole` says whether `rows` are all that there are whatever was read before, so that what is not
    among them is gone; `may_omit`, whether rows need not have every column, so that one that is not seen is
    not gone.
    """

    columns: Mapping[str, Kind]
    is_whole: bool
    may_omit: bool

    def rows(self, after: str | None) -> Iterator[Record]:
        """Those from the watermark `after` on, it included, or all."""
        ...

    def watermark(self, at: datetime) -> str | None:
        """The highest of the rows that were read, but no time after `at`: a row that is dated ahead would
        keep all others out. None where there is none."""
        ...

    def is_known(self, row: Record, after: str | None) -> bool:
        """Whether a row may have been read before: it is not beyond `after`, or that does not matter."""
        ...

    def files(self) -> Sequence[StagedFile]:
        """Files that were read."""
        ...

    def keys(self) -> Iterator[SourceKey] | None:
        """The keys of all rows; None where the source cannot say."""
        ...

    def rows_of(self, keys: Sequence[SourceKey]) -> Iterator[Record]:
        """The rows of these keys."""
        ...

    def figures(self) -> Figures | None:
        """None where the source cannot say."""
        ...


Open = Callable[[str, Mapping[str, str]], AbstractContextManager[Reading]]
"""Opens a table by name; files that were loaded before, name → digest, are left out."""
