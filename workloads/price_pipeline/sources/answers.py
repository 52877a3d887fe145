"""The rows that an API's answers hold."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import httpx
import structlog

from workloads.kit.contracts.sources import paths
from workloads.kit.contracts.sources.kinds import HttpSource as HttpConfig
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, csv_file, json_document, table, unpack
from workloads.price_pipeline.sources.fields import Fields
from workloads.price_pipeline.sources.http_client import excerpt
from workloads.price_pipeline.sources.json_document import Document
from workloads.price_pipeline.sources.xml_document import Ambiguous, XmlDocument

_log = structlog.get_logger(__name__)

_NOTHING: Final = ("", "false", "0")
_FAILED: Final = ("error", "fail", "failed", "failure")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: what its rows give, how many rows it has, and where else to look in it."""

    rows: Sequence[RawRow]
    count: int
    document: Document | XmlDocument

    @property
    def digest(self) -> bytes:
        """Equal for two pages that say the same, whatever else their rows hold: servers write into each when
        it was asked for."""
        held = hashlib.sha256()
        for row in self.rows:
            says = (row.symbol, row.event_time, row.hour, row.repeated, row.price, row.published_at)
            held.update(
                repr((*says, row.status, row.currency, row.unit, row.zone)).encode(errors="backslashreplace")
            )
            held.update(row.raw if row.problem is not None else b"")
        return held.digest()

    def optional(self, path: str) -> object:
        """The value at `path` of the answer; None where it has none."""
        return _value(self.document, path)


NO_PAGE = Page((), 0, Document(b"null"))


class Answers:
    """Reads the answers of one run, and remembers whether any row had a price's field."""

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._fields = Fields(config)
        self._following: str | None = getattr(config.paging, "field", None)
        """Where an answer names the next page, until one did, be it that there is none."""

    def page(self, response: httpx.Response) -> Page:
        """The answer as a page.

        Raises:
            SourceError: it says that it failed, or has no rows where they should be.
        """
        config = self._config
        where = f"{response.url.host}{response.url.path}"
        if config.format not in ("json", "xml"):
            return self._file(response, where)
        try:
            documents = _xml(response, where) if config.format == "xml" else [Document(_utf8(response))]
            self._require_success(documents, response, where)
            if self._following is not None and _is_there(documents[0], self._following):
                self._following = None
            rows = [row for document in documents for row in self._rows(document)]
        except (LookupError, ValueError) as error:
            place = f"{self._shape} at {config.rows!r}" if config.rows else self._shape
            raise SourceError(f"{where} gave no {place} ({error}){excerpt(response)}") from None
        if not rows and any(map(_failed, documents)):
            raise SourceError(f"{where} gave no rows and says that it failed{excerpt(response)}")
        return Page([price for row in rows for price in row], len(rows), documents[0])

    def _require_success(
        self, documents: Sequence[Document | XmlDocument], response: httpx.Response, where: str
    ) -> None:
        for document, path in itertools.product(documents, self._config.errors):
            if _says(document, path):
                raise SourceError(f"{where} says that it failed, at {path!r}{excerpt(response)}")

    def require_prices(self) -> None:
        """SourceError where no row of the run had the field of any price: then `columns` are wrong. Where no
        answer had one that may be left out, a warning names it."""
        self._fields.require(self._config.url)
        if self._following is not None and self._fields.seen:
            _log.warning(
                "paging_field_not_found",
                source=self._config.name,
                field=self._following,
                remedy="correct `paging.field`, unless the server leaves it out where there is one page",
            )

    @property
    def _shape(self) -> str:
        config = self._config
        if config.format == "xml":
            return "elements"
        return "object of lists" if config.columnar else "object of rows" if config.row_key else "list"

    def _rows(self, document: Document | XmlDocument) -> Iterator[list[RawRow]]:
        config = self._config
        if isinstance(document, XmlDocument):
            if not (elements := document.rows(config.rows)):
                self._fields.no_rows(document.beside(config.rows))
            for element in elements:
                yield self._fields.prices(element.value, document.raw(element))
            return
        if config.columnar:
            yield from self._columnar(document.value(config.rows))
            return
        if document.is_null(config.rows):
            return  # how some servers write an empty list
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
        try:
            row = json_document.value(raw)
        except ValueError as error:
            return self._fields.malformed(kept, f"cannot be read: {error}")
        if more is not None:
            row = {**row, **more} if isinstance(row, dict) else {"value": row, **more}
        return self._fields.prices(lambda path: paths.at(row, path), kept)

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
            yield self._fields.prices(row.__getitem__, table.as_json(row))


def _says(document: Document | XmlDocument, path: str) -> bool:
    """Whether something stands at a path: of XML, where all is text, neither `false` nor `0`."""
    try:
        said = document.value(path)
    except Ambiguous:
        assert isinstance(document, XmlDocument), "JSON has one value at a path"
        return any(one.text not in _NOTHING for one in document.rows(path))
    except (LookupError, ValueError):
        return False
    return said not in _NOTHING if isinstance(document, XmlDocument) else bool(said)


def _failed(document: Document | XmlDocument) -> bool:
    """Whether an answer says by `success`, `ok` or `status` that it is none, as many APIs do under 200."""
    said = {name: _value(document, name) for name in ("success", "ok", "status")}
    status = said.pop("status")
    return any(one is False for one in said.values()) or (
        isinstance(status, str) and status.strip().lower() in _FAILED
    )


def _value(document: Document | XmlDocument, path: str) -> object:
    try:
        return document.value(path)
    except (LookupError, ValueError):
        return None


def _is_there(document: Document | XmlDocument, path: str) -> bool:
    try:
        document.value(path)
    except Ambiguous:
        return True
    except (LookupError, ValueError):
        return False
    return True


def _xml(response: httpx.Response, where: str) -> list[XmlDocument]:
    """The documents of an answer in XML, which may be packed; ValueError where one is none."""
    if response.charset_encoding is not None:
        return [XmlDocument(_utf8(response), "utf-8")]
    try:
        file = io.BytesIO(response.content)
        return [XmlDocument(content.read()) for _, content in unpack.unpacked(file, where)]
    except unpack.FAULTS as error:
        raise SourceError(f"{where} cannot be unpacked: {error}") from error


def _utf8(response: httpx.Response) -> bytes:
    """The body in UTF-8, whatever the server says that it wrote."""
    encoding = response.charset_encoding
    if encoding is None or encoding.lower() in ("utf-8", "utf8"):
        return response.content
    try:
        return response.content.decode(encoding).encode()
    except (LookupError, ValueError):
        return response.content
