"""What is read of a legacy table, whatever it is kept in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

from workloads.kit.contracts.warehouse import Kind, StagedFile, Value

Record = dict[str, Value]


class SourceError(Exception):
    """A source, or a table of one, that cannot be read: the message says what to do."""


class SourceKey(NamedTuple):
    """A row's key at its source, which only the source itself understands."""

    values: tuple[Any, ...]
    record: Record


class Figures(NamedTuple):
    """What a table amounts to at its source: rows, and what each column of numbers adds up to, as text.

    Args:
        floats: those of the columns whose last digits differ by the order in which they are added.
    """

    rows: int
    sums: Mapping[str, str]
    floats: frozenset[str] = frozenset()


class Changed(NamedTuple):
    """One change of a row, or of all rows.

    Args:
        before, after: the row; None where it was not, or is no more. A table that was emptied has neither.
    """

    before: Record | None
    after: Record | None


class Comparable(Protocol):
    """A table that can be asked what all of it is, as of the same instant."""

    def all_keys(self) -> Iterator[SourceKey]:
        """The keys of all rows."""
        ...

    def rows_of(self, keys: Sequence[SourceKey]) -> Iterator[Record]:
        """The rows of these keys."""
        ...

    def unkeyed(self) -> Iterator[Record]:
        """The rows that lack a value of the key: no keys find them."""
        ...

    def figures(self) -> Figures: ...


class Reading(Protocol):
    """A table as of one instant of its source. Rows are its columns as `plain` has them.

    `is_whole` says whether `rows` are all that there are whatever was read before, so that what is not
    among them is gone; `may_omit`, whether rows need not have every column, so that one that is not seen is
    not gone; `comparable` is None where the source cannot say what all of it is. Of a table in several parts,
    such as files, `lacking` has the columns that some part lacks, with that part's name, `lost` those of them
    that an earlier part has, and `left_out` the parts that cannot be read, and why.
    """

    columns: Mapping[str, Kind]
    is_whole: bool
    may_omit: bool
    comparable: Comparable | None
    lacking: Mapping[str, str]
    lost: Mapping[str, str]
    left_out: Mapping[str, str]

    def rows(self, after: str | None) -> Iterator[Record]:
        """Those from the watermark `after` on, it included, or all."""
        ...

    def watermark(self, at: datetime) -> str | None:
        """The highest of the rows that were read, but no time after `at`: a row that is dated ahead would
        keep all others out. None where there is none."""
        ...

    def files(self) -> Sequence[StagedFile]:
        """Files that were read."""
        ...


@runtime_checkable
class ChangeLog(Protocol):
    """What a reading has besides where its source keeps a log of changes. `is_whole` holds, and `rows` are
    all rows, until it goes on."""

    def goes_on(self, after: str) -> bool:
        """Whether the log still has everything since the watermark `after`; if so, `changes` has it."""
        ...

    def changes(self) -> Iterator[Changed]:
        """Every change since then, in order, up to the instant of the reading."""
        ...
