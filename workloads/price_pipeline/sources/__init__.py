"""The kinds of source, one module each, behind one protocol."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from workloads.price_pipeline.rows import RawRow


class SourceError(Exception):
    """A source cannot be read. Says what is wrong and what to do; other sources go on."""


class Incomplete(SourceError):
    """A source ends before its end, but what it gave until then holds and is to be published."""


class Source(Protocol):
    """Where rows come from."""

    @property
    def ordered(self) -> bool:
        """Whether the rows of each symbol come in the order of their event times."""
        ...

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        """The rows whose event time is in [since, until], open where None. More may come: a source that
        cannot narrow gives all it has.

        Raises:
            SourceError: the source is away, or its answer has not the configured shape.
            Incomplete: it goes on in a way that leads nowhere.
        """
        ...
