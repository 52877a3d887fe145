"""Files that are elsewhere: in a bucket, or at a server that gives them over SFTP."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from workloads.kit.contracts.sources import http_config, paths
from workloads.kit.contracts.sources.csv_config import CsvLayout
from workloads.kit.contracts.sources.row_config import Span, Unsorted

_Pattern = Annotated[str, StringConstraints(pattern=r"^/?[^/]+(/[^/]+)*$")]
HostKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*$")]


class _Stored(Unsorted):
    """Every file that the pattern names, in the order of their names, each packed or not. A scheduled run
    leaves out what was written longer than `look_back` before the newest known price: runs before have read
    it."""

    pattern: _Pattern
    """Of the files' names, as a shell would have it, folder by folder: `day-ahead/*/prices-*.csv`."""
    format: Literal["csv", "parquet", "xml"] = "csv"
    csv: CsvLayout = CsvLayout()
    """How files in CSV are written."""
    rows: paths.Path = ""
    """Of files in XML, the names of the elements from below the outermost one down to a row's."""
    settled_after: Span = timedelta(0)
    """A file that was written to within this time may be half there: the next run reads it."""

    @model_validator(mode="after")
    def _of_its_format(self) -> Self:
        if self.format == "xml":
            if not self.rows:
                raise ValueError("xml needs `rows`, the path of a row's element")
            for column in self.columns.read:
                paths.parts(column)
        elif self.rows:
            raise ValueError(f"{self.format} has no rows: only XML has")
        return self


class S3Source(_Stored):
    """Objects of a bucket, at AWS or at another store that speaks S3."""

    kind: Literal["s3"]
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    endpoint: str | None = None
    """The store's address, by default that of AWS in the region."""
    access_key_id: str | None = None
    secret_access_key_file: Path | None = None
    """Both of them, or none where the bucket is public."""

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"s3://{self.bucket}"

    @property
    def address(self) -> str:
        """Where the store answers; the bucket stands in the path."""
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        http_config.no_key_in(self.address, "endpoint")
        if self.pattern.startswith("/"):
            raise ValueError("pattern: names of objects have no / before them")
        if (self.access_key_id is None) != (self.secret_access_key_file is None):
            raise ValueError("give both of access_key_id and secret_access_key_file, or none")
        return self


class SftpSource(_Stored):
    """Files of a server, below the folder that the user is in after its log-in, or from its root on."""

    kind: Literal["sftp"]
    host: str
    port: Annotated[int, Field(gt=0, lt=65536)] = 22
    user: str
    password_file: Path | None = None
    key_file: Path | None = None
    """With the user's private key, in OpenSSH's form and without a pass phrase."""
    host_keys: Annotated[tuple[HostKey, ...], Field(min_length=1)]
    """The server's public keys, as the two words that ssh-keyscan prints behind its name: one that shows
    another is not talked to."""
    settled_after: Span = timedelta(minutes=1)
    timeout_seconds: Annotated[float, Field(gt=0)] = 60

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"sftp://{self.user}@{self.host}:{self.port}"

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.password_file is None) == (self.key_file is None):
            raise ValueError("give one of password_file and key_file")
        return self
