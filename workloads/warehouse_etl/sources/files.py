"""CSV and Parquet files of a folder or a bucket, each taken in once a content."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from workloads.kit.contracts.sources.legacy import ENDINGS, FilesLegacy, FilesTable
from workloads.kit.contracts.warehouse import Kind, StagedFile
from workloads.warehouse_etl.settings import WarehouseSettings
from workloads.warehouse_etl.sources import Comparable, Record, SourceError
from workloads.warehouse_etl.values import plain

_CHUNK = 1 << 20
_UNREADABLE = (pa.ArrowException, OSError, ValueError, OverflowError)
"""What is raised of a damaged page, and of a value that nothing here can hold, such as a day of the year
10000."""
csv.field_size_limit(1 << 30)


class FilesReading:
    """What is new among the files that a pattern names; a file whose content changed is new again."""

    is_whole = False
    may_omit = False
    comparable: Comparable | None = None

    def __init__(
        self, at: fs.FileSystem, root: str, name: str, table: FilesTable, loaded: Mapping[str, str]
    ) -> None:
        self._at, self._root, self._name, self._table = at, root, name, table
        self._files: list[StagedFile] = []
        self._broken: dict[str, str] = {}
        described = self._described_of(loaded)
        columns: dict[str, Kind] = {}
        lost: dict[str, str] = {}
        for name, of in described:
            lost |= dict.fromkeys(columns.keys() - of.keys(), name)
            columns |= {column: _both(columns.get(column, kind), kind) for column, kind in of.items()}
        self.columns: Mapping[str, Kind] = columns
        self.left_out: Mapping[str, str] = self._broken
        self.lost: Mapping[str, str] = lost
        self.lacking: Mapping[str, str] = {
            column: name for name, of in described for column in columns.keys() - of.keys()
        }

    def _described_of(self, loaded: Mapping[str, str]) -> list[tuple[str, Mapping[str, Kind]]]:
        """Look through what is new. A file that cannot be read to its end holds no other back."""
        described: list[tuple[str, Mapping[str, Kind]]] = []
        for name in self._named():
            try:
                if loaded.get(name) == (digest := self._digest(name)):
                    continue
                columns = self._described(name)
                self._has_keys(name, columns)
                for _ in self._rows(name):
                    pass
            except SourceError as error:
                self._broken[name] = str(error)
                continue
            self._files.append(StagedFile(name=name, digest=digest))
            described.append((name, columns))
        return described

    def rows(self, after: str | None) -> Iterator[Record]:
        del after
        for file in self._files:
            yield from self._rows(file.name)

    def watermark(self, at: datetime) -> str | None:
        del at
        return None

    def files(self) -> Sequence[StagedFile]:
        return self._files

    def _rows(self, name: str) -> Iterator[Record]:
        return self._csv(name) if name.endswith(".csv") else self._parquet(name)

    def _named(self) -> list[str]:
        try:
            listed = self._at.get_file_info(fs.FileSelector(self._root, recursive=True, allow_not_found=True))
        except OSError as error:
            raise SourceError(f"{self._name}: {self._root} cannot be listed: {error}") from error
        names = [one.path[len(self._root) :].lstrip("/") for one in listed if one.type == fs.FileType.File]
        matching = sorted(filter(self._table.has, names))
        if unknown := [name for name in matching if not name.endswith(ENDINGS)]:
            raise SourceError(
                f"{self._name}: {unknown[0]} is neither .csv nor .parquet: narrow the pattern "
                f"{self._table.pattern}, or give the file its ending"
            )
        return matching

    def _opened(self, name: str) -> pa.NativeFile:
        try:
            return self._at.open_input_file(f"{self._root.rstrip('/')}/{name}")
        except OSError as error:
            raise SourceError(f"{self._name}: {name} cannot be read: {error}") from error

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        with self._opened(name) as file:
            try:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
            except OSError as error:
                raise SourceError(f"{self._name}: {name} cannot be read: {error}") from error
        return digest.hexdigest()

    def _described(self, name: str) -> Mapping[str, Kind]:
        if name.endswith(".csv"):
            return dict.fromkeys(self._header(name), "unknown")
        with self._opened(name) as file:
            return {
                str(plain(field.name)): _kind(field.type)
                for field in self._parquet_file(name, file).schema_arrow
            }

    def _parquet_file(self, name: str, file: pa.NativeFile) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(f"{self._name}: {name} is no Parquet file: {error}") from error

    def _has_keys(self, name: str, columns: Mapping[str, Kind]) -> None:
        wanted = (*self._table.key, *self._table.personal)
        if missing := [column for column in wanted if column not in columns]:
            # Not what it has: of a file without names, that is somebody's row.
            raise SourceError(
                f"{self._name}: {name} has no column {', '.join(missing)} among its {len(columns)}: "
                f"its first line names them, {self._table.delimiter!r} between, in {self._table.encoding}"
            )

    def _lines(self, name: str) -> Iterator[list[str]]:
        with self._opened(name) as file:
            named = self._table.encoding
            encoding = "utf-8-sig" if named == "utf-8" else named
            text = io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="")
            rows = csv.reader(text, delimiter=self._table.delimiter, strict=True)
            try:
                yield from rows
            except (csv.Error, UnicodeError, OSError) as error:
                raise SourceError(f"{self._name}: {name}, line {rows.line_num + 1}: {error}") from error

    def _header(self, name: str) -> list[str]:
        header = [str(plain(cell.strip())) for cell in next(self._lines(name), [])]
        if not header:
            raise SourceError(f"{self._name}: {name} is empty: send it again, or take it away")
        if not any(header) or len(set(header)) < len(header) or not all(header):
            raise SourceError(
                f"{self._name}: {name} needs a first line that names each of its {len(header)} columns once"
            )
        return header

    def _csv(self, name: str) -> Iterator[Record]:
        lines = self._lines(name)
        header = [str(plain(cell.strip())) for cell in next(lines)]
        for number, cells in enumerate(lines, start=2):
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise SourceError(
                    f"{self._name}: {name}, row {number} has {len(cells)} cells, not {len(header)}: "
                    "correct the file, and it is taken in anew"
                )
            yield {
                column: plain(cell) if cell != "" else None
                for column, cell in zip(header, cells, strict=True)
            }

    def _parquet(self, name: str) -> Iterator[Record]:
        with self._opened(name) as file:
            content = self._parquet_file(name, file)
            try:
                for batch in content.iter_batches(batch_size=5000):
                    names = [str(plain(column)) for column in batch.schema.names]
                    for row in zip(*map(_cells, batch.columns), strict=True):
                        yield {column: plain(value) for column, value in zip(names, row, strict=True)}
            except _UNREADABLE as error:
                raise SourceError(
                    f"{self._name}: {name} cannot be read to its end: {error}: send it again, and it is "
                    "taken in anew"
                ) from error


def _cells(column: pa.Array) -> list[Any]:
    """A column's values. Times of nanoseconds, which a datetime does not have, are texts where they need
    them."""
    if not pa.types.is_timestamp(column.type) or column.type.unit != "ns":
        return column.to_pylist()
    counts: list[int | None] = column.cast(pa.int64()).to_pylist()
    micros = [None if count is None else count // 1000 for count in counts]
    times = pa.array(micros, pa.timestamp("us", tz=column.type.tz)).to_pylist()
    return [
        f"{(text := at.isoformat(timespec='microseconds'))[:26]}{count % 1000:03}{text[26:]}"
        if count is not None and count % 1000
        else at
        for count, at in zip(counts, times, strict=True)
    ]


def _both(one: Kind, other: Kind) -> Kind:
    """What two files can both be read as; CSV says nothing of it."""
    if "unknown" in (one, other):
        return other if one == "unknown" else one
    return one if one == other else "text"


def _kind(of: Any) -> Kind:
    types = pa.types
    checks: tuple[tuple[Any, Kind], ...] = (
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (types.is_floating, "number"),
        (types.is_decimal, "number"),
        (types.is_date, "date"),
        (types.is_timestamp, "timestamp"),
        (types.is_binary, "binary"),
        (types.is_large_binary, "binary"),
    )
    for check, kind in checks:
        if check(of):
            return kind
    return "text"


@contextmanager
def opened(
    source: FilesLegacy, name: str, loaded: Mapping[str, str], settings: WarehouseSettings
) -> Iterator[FilesReading]:
    """The files of a table.

    Raises:
        SourceError: the place cannot be read, or a file is not what its ending says.
    """
    url = source.url
    if url is None:
        if settings.uploads_location is None:
            raise SourceError(
                f"source {source.name} has no url and there is no place of uploads: give a url, or have an "
                "object store"
            )
        url = f"{settings.uploads_location}{source.name}"
    if url.startswith("s3://"):
        where: dict[str, Any] = {"region": settings.aws_region} if settings.aws_region else {}
        if settings.object_store_url is not None:
            scheme, _, host = settings.object_store_url.rstrip("/").partition("://")
            where |= {"endpoint_override": host, "scheme": scheme}
        at: fs.FileSystem = fs.S3FileSystem(**where)
        root = url.removeprefix("s3://").rstrip("/")
    else:
        at, root = fs.LocalFileSystem(), url.removeprefix("file://").rstrip("/") or "/"
    yield FilesReading(at, root, f"source {source.name}", source.tables[name], loaded)
