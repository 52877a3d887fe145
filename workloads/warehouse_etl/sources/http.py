"""JSON APIs: lists of objects, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

import httpx
import stamina

from workloads.kit import scrub
from workloads.kit.contracts.sources.legacy import HttpLegacy, HttpTable
from workloads.kit.contracts.warehouse import Kind, StagedFile
from workloads.warehouse_etl.sources import Comparable, Record, SourceError
from workloads.warehouse_etl.values import plain

_PAGES_AT_MOST = 100_000
_ATTEMPTS = 4


class _Again(Exception):
    """An answer that another try may change."""


class HttpReading:
    """A table's objects. They have no schema: columns are what the first page shows."""

    lacking: Mapping[str, str] = MappingProxyType({})
    lost: Mapping[str, str] = lacking
    left_out: Mapping[str, str] = lacking

    def __init__(self, client: httpx.Client, source: HttpLegacy, name: str, *, whole: bool = False) -> None:
        self._client, self._source = client, source
        self._table: HttpTable = source.tables[name]
        self._where = f"source {source.name}: {self._table.path}"
        self.is_whole = whole or self._table.watermark is None
        self.may_omit = True
        self.comparable: Comparable | None = None
        self._highest: str | None = None
        # What there is at all says what it is like; what is new may be nothing.
        self.columns: Mapping[str, Kind] = _columns(first := self._page(1, None))
        if first and (missing := sorted(set(self._table.personal) - set(self.columns))):
            raise SourceError(
                f"{self._where}: nothing on the first page has the personal field {', '.join(missing)}: "
                "correct its name, or it would leave in clear"
            )

    def rows(self, after: str | None) -> Iterator[Record]:
        mark, before = self._table.watermark, None
        since = None if self.is_whole or after is None else self._since(after)
        for number in range(1, _PAGES_AT_MOST + 1):
            page = self._page(number, since)
            if page and page == before:
                raise SourceError(
                    f"{self._where}: page {number} is the one before again: {self._table.page_parameter} is "
                    "not what counts its pages"
                )
            for item in page:
                row = {str(plain(name)): plain(value) for name, value in item.items()}
                value = row.get(mark) if mark is not None else None
                if value is not None and (
                    self._highest is None or _order(str(value)) > _order(self._highest)
                ):
                    self._highest = str(value)
                yield row
            if not page or self._table.page_parameter is None:
                return
            before = page
        raise SourceError(f"{self._where}: more than {_PAGES_AT_MOST} pages")

    def watermark(self, at: datetime) -> str | None:
        if self._highest is None or not isinstance(_order(self._highest)[1], datetime):
            return self._highest
        return self._highest if _order(self._highest) <= _order(at.isoformat()) else at.isoformat()

    def files(self) -> Sequence[StagedFile]:
        return ()

    def _since(self, after: str) -> str:
        """From where on is asked, written as the source writes it: of a time, from before the last one on."""
        if not isinstance(_order(after)[1], datetime):
            return after
        try:
            at = datetime.fromisoformat(after) - self._table.overlap
        except OverflowError:
            return after
        if len(after) == len("2026-01-01"):
            return at.date().isoformat()
        return at.isoformat().replace("+00:00", "Z") if after.endswith("Z") else at.isoformat()

    def _page(self, number: int, after: str | None) -> list[dict[str, Any]]:
        asked: dict[str, str] = {}
        if self._table.page_parameter is not None:
            asked[self._table.page_parameter] = str(number)
        if self._table.since_parameter is not None and after is not None:
            asked[self._table.since_parameter] = after
        try:
            answer = self._answer(asked)
        except (_Again, httpx.HTTPError) as error:
            raise SourceError(f"{self._where}: {error or type(error).__name__}") from error
        found: Any = answer
        for part in filter(None, self._table.rows.split(".")):
            found = cast("dict[str, Any]", found).get(part) if isinstance(found, dict) else None
        if not isinstance(found, list) or not all(
            isinstance(item, dict) for item in cast("list[Any]", found)
        ):
            raise SourceError(
                f"{self._where}: no list of objects at {self._table.rows or 'the top'} of the answer: "
                "correct `rows`"
            )
        return cast("list[dict[str, Any]]", found)

    @stamina.retry(on=(_Again, httpx.TransportError), attempts=_ATTEMPTS, wait_initial=0.2, timeout=60)
    def _answer(self, asked: dict[str, str]) -> Any:
        answer = self._client.get(self._table.path, params=asked)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Again(f"HTTP {answer.status_code}")
        if answer.status_code != 200:
            # Not what it says: an API may give back what it was asked of whom.
            raise SourceError(f"{self._where}: HTTP {answer.status_code}")
        try:
            return json.loads(answer.text, parse_float=Decimal)
        except ValueError as error:
            raise SourceError(f"{self._where}: the answer is no JSON: {error}") from error


def _order(watermark: str) -> tuple[int, Any]:
    """How a watermark is compared: as a number, a time in UTC, or a text."""
    try:
        return 0, Decimal(watermark)
    except ArithmeticError:
        pass
    try:
        at = datetime.fromisoformat(watermark)
    except ValueError:
        return 2, watermark
    return 1, at if at.tzinfo else at.replace(tzinfo=UTC)


def _columns(page: Sequence[dict[str, Any]]) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for item in page:
        for called, value in item.items():
            name = str(plain(called))
            known, kind = found.get(name, "unknown"), _kind(value)
            if "unknown" in (known, kind):
                found[name] = kind if known == "unknown" else known
            elif known != kind:
                found[name] = "text"
    return found


def _kind(value: Any) -> Kind:
    match value:
        case None:
            return "unknown"
        case bool():
            return "boolean"
        case int() | Decimal():
            return "number"
        case _:
            return "text"


@contextmanager
def opened(source: HttpLegacy, name: str, *, whole: bool = False) -> Iterator[HttpReading]:
    """A table of an API.

    Args:
        whole: whether all of it is read, whatever was read before: so rows that came late, or are gone, are
            seen.

    Raises:
        SourceError: it is away or refuses, or answers what is no list of objects.
    """
    headers = {"Accept": "application/json"}
    if source.token_file is not None:
        try:
            token = source.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SourceError(f"token_file {source.token_file}: {error.strerror}") from error
        scrub.hide(token)
        headers["Authorization"] = f"Bearer {token}"
    with httpx.Client(base_url=source.url, headers=headers, timeout=source.timeout_seconds) as client:
        yield HttpReading(client, source, name, whole=whole)
