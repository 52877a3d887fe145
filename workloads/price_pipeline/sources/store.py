"""Files that a store names by a pattern, read one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import IO, Final, NamedTuple, Protocol

import structlog

from workloads.kit.contracts.sources.store_config import S3Source, SftpSource
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, csv_file, xml_file
from workloads.price_pipeline.sources.order import arranged

_log = structlog.get_logger(__name__)

_CLOCKS_APART: Final = timedelta(days=1)
"""More than the store's clock is from the one that dates prices, and a run is long."""


class Stored(NamedTuple):
    """A file by its name, and when it was written last."""

    name: str
    modified: datetime


class Store(Protocol):
    """A place of files. What reading raises is OSError or EOFError."""

    def files(self) -> Sequence[Stored]:
        """Those that the source's pattern names, in the order of their names."""
        ...

    def opened(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """One of them."""
        ...


class StoredSource:
    """The rows of all files, or of those alone that may be new."""

    def __init__(
        self,
        config: S3Source | SftpSource,
        connect: Callable[[], AbstractContextManager[Store]],
        clock: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._connect = connect
        self._clock = clock

    @property
    def ordered(self) -> bool:
        return self._config.ordered

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        """An open range is a scheduled run's: what was written before it was there for the runs before. A
        closed one is asked for by hand, of all files."""
        rows = self._rows(since if until is None else None)
        return arranged(rows, self._config.where, ordered=self.ordered)

    def _rows(self, since: datetime | None) -> Iterator[RawRow]:
        where = self._config.where
        try:
            with self._connect() as store:
                files = store.files()
                if not files:
                    raise SourceError(f"{where} has no file {self._config.pattern!r}: correct `pattern`")
                for file in files:
                    where = f"{self._config.where}/{file.name.lstrip('/')}"
                    if since is not None and file.modified < since - _CLOCKS_APART:
                        continue
                    if self._clock() - file.modified < self._config.settled_after:
                        _log.info("file_not_settled", source=self._config.name, file=where)
                        continue
                    with store.opened(file.name) as content:
                        yield from self._of(content, where)
        except (OSError, EOFError) as error:
            raise SourceError(f"{where} cannot be read: {' '.join(str(error).split())}") from error

    def _of(self, content: IO[bytes], where: str) -> Iterator[RawRow]:
        if self._config.format == "csv":
            return csv_file.rows(self._config, self._config.csv, content, where)
        if self._config.format == "xml":
            return xml_file.rows(self._config, content, where)
        from workloads.price_pipeline.sources import parquet_file

        return parquet_file.rows(self._config, content, where)


def fixed(pattern: str) -> tuple[str, list[str]]:
    """The folder that a pattern names outright, and the patterns of what is below it."""
    *folders, name = pattern.split("/")
    at = next(
        (place for place, folder in enumerate(folders) if any(c in folder for c in "*?[")), len(folders)
    )
    return "/".join(folders[:at]), [*folders[at:], name]


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name below the fixed folder is one that the patterns name, folder by folder."""
    parts = name.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
