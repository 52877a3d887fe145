"""The legacy systems that warehouse-etl reads, as a stack file lists them."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from workloads.kit.contracts.sources import http_config
from workloads.kit.contracts.sources.columns import Model
from workloads.kit.contracts.sources.row_config import ZoneName

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
TableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Column = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r'^[^"`\x00-\x1f]+$')]

Protection = Literal["drop", "mask", "pseudonym"]
"""What becomes of personal data before it leaves its source: nothing of it is kept, its shape is (first
character and length), or a name for it that is the same for the same value and says nothing else."""


Overlap = Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=31))]


class Legacy(Model):
    """What every source says of itself."""

    name: SourceName
    time_zone: ZoneName = "UTC"
    """Clock of its times that name no zone, and of the days and months that the marts make of its times. A
    time that this clock skips or shows twice is rejected."""


class LegacyTable(Model):
    """A table, or what is like one.

    Args:
        key: columns that tell rows apart.
        personal: columns with personal data, and what becomes of them.
    """

    key: Annotated[tuple[Column, ...], Field(min_length=1)]
    personal: dict[Column, Protection] = Field(default={})

    @model_validator(mode="after")
    def _key_is_kept(self) -> Self:
        if lost := [name for name in self.key if self.personal.get(name) in ("drop", "mask")]:
            raise ValueError(
                f"key column {', '.join(lost)} would not tell rows apart once dropped or masked: "
                "make it a pseudonym"
            )
        return self


class SqlTable(LegacyTable):
    """Args:
    name: of it at the source, by default its own; a schema may stand before it, with a dot.
    watermark: column that grows with each change of a row: only what is at or beyond the last is read.
        Without one, all rows are read each time.
    overlap: how far before the last one is read again, of one that is a time: a row is seen when its
        transaction ends, and dated before.
    changes: `log` where they are read of the server's log, each of them, deletes as well, and no watermark
        is needed.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w$#]*(\.[A-Za-z_][\w$#]*)?$")] | None = None
    watermark: Column | None = None
    overlap: Overlap = timedelta(hours=1)
    changes: Literal["log"] | None = None

    @model_validator(mode="after")
    def _watermark_is_kept(self) -> Self:
        if self.watermark in self.personal:
            raise ValueError(f"watermark column {self.watermark} cannot be personal data: take another")
        if self.changes is not None and self.watermark is not None:
            raise ValueError("changes: log tells of every change: leave watermark out")
        return self


class _Database(Legacy):
    host: str
    database: Annotated[str, StringConstraints(min_length=1)]
    """Of Oracle, the service's name."""
    user: str
    password_file: Path
    tables: Annotated[dict[TableName, SqlTable], Field(min_length=1)]
    fetch_rows: Annotated[int, Field(gt=0)] = 5000
    timeout_seconds: Annotated[float, Field(gt=0)] = 600


class MySqlLegacy(_Database):
    """MySQL or MariaDB."""

    kind: Literal["mysql"]
    port: Annotated[int, Field(gt=0, lt=65536)] = 3306
    ca_file: Path | None = None
    """Who signed the server's certificate: with it, connections are encrypted and checked."""

    @property
    def logged(self) -> tuple[str, ...]:
        """Its tables whose changes are read of the server's log."""
        return tuple(name for name, table in self.tables.items() if table.changes == "log")

    @model_validator(mode="after")
    def _log_in_clear(self) -> Self:
        if self.logged and self.ca_file is not None:
            raise ValueError(
                f"changes: log of {', '.join(self.logged)} is read in clear, and ca_file asks for TLS: "
                "take a watermark, or leave ca_file out where the network may be trusted"
            )
        return self


class OracleLegacy(_Database):
    """Oracle, by the thin driver: no client is installed."""

    kind: Literal["oracle"]
    port: Annotated[int, Field(gt=0, lt=65536)] = 1521
    encrypted: bool = False
    """Whether the listener speaks TLS (`tcps`)."""

    @model_validator(mode="after")
    def _without_a_log(self) -> Self:
        if wrong := [name for name, table in self.tables.items() if table.changes == "log"]:
            raise ValueError(
                f"changes: log of {', '.join(wrong)} is for kind mysql (MariaDB): take a watermark"
            )
        return self


ENDINGS: Final = (".csv", ".parquet")
"""Of the files that can be read."""


class FilesTable(LegacyTable):
    """Args:
    pattern: of its files' names below the source's place, as a shell would have it; taken in name order,
        each once a content.
    delimiter: of CSV.
    encoding: of CSV; a byte order mark is left out.
    decimal: of numbers in CSV. Beside a comma, a dot stands between groups of three digits.
    dates: of CSV. With the day first, 31.12.2026 and 31/12/2026 are read, a time behind it as it is.
    """

    pattern: Annotated[str, StringConstraints(min_length=1)]
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    encoding: Literal["utf-8", "cp1252", "iso-8859-1", "iso-8859-15", "utf-16"] = "utf-8"
    decimal: Literal[".", ","] = "."
    dates: Literal["iso", "day-first"] = "iso"

    def has(self, name: str) -> bool:
        """Whether a file of this name below the source's place is one of its own."""
        return fnmatchcase(name, self.pattern)

    @model_validator(mode="after")
    def _is_text(self) -> Self:
        if (self.decimal, self.dates) != (".", "iso") and not self.pattern.endswith(".csv"):
            # 1.250 of a Parquet file is no 1250.
            raise ValueError(
                f"decimal and dates are of CSV: let the pattern {self.pattern} end in .csv, and give Parquet "
                "files a table of their own"
            )
        return self


class FilesLegacy(Legacy):
    """CSV and Parquet files in a folder or a bucket, told apart by their ending."""

    kind: Literal["files"]
    url: Annotated[str, StringConstraints(pattern=r"^(/|file:///|s3://)")] | None = None
    """Where they are; by default the folder of the source's name where the object store has uploads."""
    tables: Annotated[dict[TableName, FilesTable], Field(min_length=1)]


class HttpTable(LegacyTable):
    """Args:
    path: below the source's URL.
    rows: where the list of rows is in an answer, names joined by dots; empty where the answer is the list.
    watermark: field that grows with each change of a row, sent back as `since_parameter`; in the runs that
        compare, all rows are read.
    overlap: how far before the last one is asked again, of one that is a time.
    page_parameter: counts pages from 1, until one is empty.
    """

    path: str
    rows: str = ""
    watermark: Column | None = None
    since_parameter: str | None = None
    overlap: Overlap = timedelta(hours=1)
    page_parameter: str | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.watermark is None) is not (self.since_parameter is None):
            raise ValueError("give both of watermark and since_parameter, or none")
        return self


class HttpLegacy(Legacy):
    """A JSON API."""

    kind: Literal["http"]
    url: Annotated[str, StringConstraints(pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://")]
    token_file: Path | None = None
    """Sent as a bearer token."""
    tables: Annotated[dict[TableName, HttpTable], Field(min_length=1)]
    timeout_seconds: Annotated[float, Field(gt=0)] = 30

    @model_validator(mode="after")
    def _without_a_key(self) -> Self:
        http_config.no_key_in(self.url)
        return self


LegacySource = Annotated[
    MySqlLegacy | OracleLegacy | FilesLegacy | HttpLegacy,
    Field(discriminator="kind"),
]


class LegacySources(Model):
    """The whole file."""

    sources: tuple[LegacySource, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [source.name for source in self.sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"source name used twice: {', '.join(twice)}")
        return self
