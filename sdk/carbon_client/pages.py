"""Answers that come in pages, as iterators: one page is held, the next is asked for when it is wanted."""

# The types of frames are known where their packages are installed.
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from carbon_client import frames
from carbon_client.base import Answer
from carbon_client.errors import BadAnswer

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


class Paged(Protocol):
    """What pages have in common."""

    @property
    def items(self) -> Sequence[Any]:
        """Its rows."""
        ...

    @property
    def next(self) -> str | None:
        """Cursor of the next page; None on the last one."""
        ...


P = TypeVar("P", bound=Paged)
R = TypeVar("R", bound=Answer)


class Pages(Generic[P, R]):
    """A question whose answer comes in pages. It is asked when it is iterated, and each time anew.

    Iterating gives rows. All pages of one iteration are as of the instant at which its first was asked for,
    or the question's `as_of`.
    """

    def __init__(self, ask: Callable[[str | None], P], row: type[R]) -> None:
        self._ask, self._row = ask, row

    def pages(self, cursor: str | None = None) -> Iterator[P]:
        """Its pages, with `as_of` and what else they say; from that of a `cursor` on, another's `next`."""
        while True:
            page = self._ask(cursor)
            yield page
            if (cursor := following(page, cursor)) is None:
                return

    def __iter__(self) -> Iterator[R]:
        for page in self.pages():
            yield from page.items

    def all(self) -> list[R]:
        """All rows at once."""
        return list(self)

    def to_arrow(self) -> pa.Table:
        """All rows as a pyarrow.Table: parts of a row are columns of their own, `outcome_price`."""
        return self._columns().to_arrow()

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a pandas.DataFrame; columns as of `to_arrow`."""
        return self._columns().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """All rows as a polars.DataFrame; columns as of `to_arrow`."""
        return self._columns().to_polars()

    def _columns(self) -> frames.Columns[R]:
        made = frames.Columns(self._row)
        for page in self.pages():
            made.add(page.items)
        return made


class AsyncPages(Generic[P, R]):
    """As `Pages`, to be iterated with `async for`."""

    def __init__(self, ask: Callable[[str | None], Awaitable[P]], row: type[R]) -> None:
        self._ask, self._row = ask, row

    async def pages(self, cursor: str | None = None) -> AsyncIterator[P]:
        """As `Pages.pages`."""
        while True:
            page = await self._ask(cursor)
            yield page
            if (cursor := following(page, cursor)) is None:
                return

    async def __aiter__(self) -> AsyncIterator[R]:
        async for page in self.pages():
            for row in page.items:
                yield row

    async def all(self) -> list[R]:
        """As `Pages.all`."""
        return [row async for row in self]

    async def to_arrow(self) -> pa.Table:
        """As `Pages.to_arrow`."""
        return (await self._columns()).to_arrow()

    async def to_pandas(self) -> pd.DataFrame:
        """As `Pages.to_pandas`."""
        return (await self._columns()).to_pandas()

    async def to_polars(self) -> pl.DataFrame:
        """As `Pages.to_polars`."""
        return (await self._columns()).to_polars()

    async def _columns(self) -> frames.Columns[R]:
        made = frames.Columns(self._row)
        async for page in self.pages():
            made.add(page.items)
        return made


def following(page: Paged, cursor: str | None) -> str | None:
    """Cursor of the page after one that this cursor asked for.

    Raises:
        BadAnswer: it is the same again, so that the pages would never end.
    """
    if page.next is not None and page.next == cursor:
        raise BadAnswer("next: the page names itself as the one after it: this API is at fault")
    return page.next
