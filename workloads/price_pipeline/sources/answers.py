"""The rows that an API's answers hold."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx

from workloads.kit.contracts.sources import paths
from workloads.kit.contracts.sources.kinds import HttpSource as HttpConfig
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, csv_file, json_document, table
from workloads.price_pipeline.sources.http_client import excerpt
from workloads.price_pipeline.sources.json_document import Document


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: what its rows give, how many rows it has, and where else to look in it."""

    rows: Sequence[RawRow]
    count: int
    document: Document

    @property
    def digest(self) -> bytes:
        """Equal for two pages that hold the same."""
        held = hashlib.sha256()
        for row in self.rows:
            held.update(b"%d:%b" % (len(row.raw), row.raw))
        return held.digest()

    def optional(self, path: str) -> object:
        """The value at `path` of the answer; None where it has none."""
        try:
            return self.document.value(path)
        except (LookupError, ValueError):
            return None


NO_PAGE = Page((), 0, Document(b"null"))


class Answers:
    """Reads the answers of one run, and remembers whether any row had a price's field."""

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._terms = table.market_terms(config)
        self._priced = table.priced(config.columns)
        self._seen = 0
        self._found = False

    def page(self, response: httpx.Response) -> Page:
        """The answer as a page.

        Raises:
            SourceError: it says that it failed, or has no rows where they should be.
        """
        config = self._config
        where = f"{response.url.host}{response.url.path}"
        if config.format != "json":
            return self._file(response, where)
        document = Document(_utf8(response))
        for path in config.errors:
            try:
                said = document.value(path)
            except (LookupError, ValueError):
                continue
            if said:
                raise SourceError(f"{where} says that it failed, at {path!r}{excerpt(response)}")
        try:
            rows = list(self._rows(document))
        except (LookupError, ValueError) as error:
            place = f"{self._shape} at {config.rows!r}" if config.rows else self._shape
            raise SourceError(f"{where} gave no {place} ({error}){excerpt(response)}") from None
        return Page([price for row in rows for price in row], len(rows), document)

    def require_prices(self) -> None:
        """SourceError where no row of the run had the field of any price: then `columns` are wrong."""
        if self._seen and not self._found:
            names = ", ".join(map(repr, self._priced))
            raise SourceError(
                f"{self._config.url}: of {self._seen} rows none has a field {names}: correct `columns`"
            )

    @property
    def _shape(self) -> str:
        config = self._config
        return "object of lists" if config.columnar else "object of rows" if config.row_key else "list"

    def _rows(self, document: Document) -> Iterator[list[RawRow]]:
        config = self._config
        if config.columnar:
            yield from self._columnar(document.value(config.rows))
            return
        held = document.members(config.rows)
        if isinstance(held, dict) != bool(config.row_key):
            raise ValueError(f"it is {'an object' if isinstance(held, dict) else 'a list'}")
        if isinstance(held, list):
            for raw in held:
                yield self._row(raw, raw)
            return
        for key, raw in held.items():
            yield self._row(b"%b: %b" % (json.dumps(key).encode(), raw), raw, {str(config.row_key): key})

    def _file(self, response: httpx.Response, where: str) -> Page:
        """An answer that is a file, packed or not."""
        config = self._config
        if not response.content.strip():
            return NO_PAGE
        file = io.BytesIO(response.content)
        if config.format == "csv":
            rows = list(csv_file.rows(config, config.csv, file, where))
        else:
            from workloads.price_pipeline.sources import parquet_file

            rows = list(parquet_file.rows(config, file, where))
        return Page(rows, len(rows) // max(1, len(config.columns.wide)), NO_PAGE.document)

    def _row(self, kept: bytes, raw: bytes, more: dict[str, object] | None = None) -> list[RawRow]:
        """The prices of one row; `more` are fields of it that stand elsewhere, `kept` are its bytes."""
        columns = self._config.columns
        try:
            row = json_document.value(raw)
        except ValueError as error:
            return list(table.malformed(columns, self._terms, kept, f"cannot be read: {error}"))
        if more is not None:
            row = {**row, **more} if isinstance(row, dict) else {"value": row, **more}
        return self._prices(row, kept)

    def _columnar(self, held: object) -> Iterator[list[RawRow]]:
        names = self._config.columns.read
        lists = {name: paths.at(held, name) for name in names}
        lengths: dict[str, int] = {}
        for name, values in lists.items():
            if not isinstance(values, list):
                raise ValueError(f"{name!r} is no list")
            lengths[name] = len(values)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the lists differ in length: {lengths}")
        for cells in zip(*lists.values(), strict=True):  # pyright: ignore
            row = dict(zip(names, cells, strict=True))
            self._seen, self._found = self._seen + 1, True
            yield list(table.split(self._config, self._terms, row.__getitem__, table.as_json(row)))

    def _prices(self, row: object, kept: bytes) -> list[RawRow]:
        columns = self._config.columns
        self._seen += 1
        self._found = self._found or any(_has(row, path) for path in self._priced)
        try:
            return list(table.split(self._config, self._terms, lambda path: paths.at(row, path), kept))
        except LookupError as error:
            return list(table.malformed(columns, self._terms, kept, f"has no field {error}"))


def _has(row: object, path: str) -> bool:
    try:
        paths.at(row, path)
    except LookupError:
        return False
    return True


def _utf8(response: httpx.Response) -> bytes:
    """The body in UTF-8, whatever the server says that it wrote."""
    encoding = response.charset_encoding
    if encoding is None or encoding.lower() in ("utf-8", "utf8"):
        return response.content
    try:
        return response.content.decode(encoding).encode()
    except (LookupError, ValueError):
        return response.content
