"""The kinds of sources there are, and what a list of them has to keep."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import SYNTHETIC_PREFIX, Price, Provenance
from workloads.kit.contracts.sources import http_config, paths
from workloads.kit.contracts.sources.csv_config import CsvLayout
from workloads.kit.contracts.sources.row_config import (
    Currency,
    Interval,
    Model,
    Name,
    Span,
    Tabled,
    TimeOfDay,
    Unit,
    Unsorted,
)
from workloads.kit.contracts.sources.store_config import S3Source, SftpSource


class _File(Unsorted):
    path: Path
    withhold_years: Annotated[int, Field(ge=0)] = 0
    """The last years of the file, counted back from its last row, that only a replay may publish."""

    @model_validator(mode="after")
    def _withholds_prices(self) -> Self:
        if self.withhold_years and self.publishes != "prices":
            raise ValueError(
                f"withhold_years is of prices, which a replay publishes, not of {self.publishes}"
            )
        return self


class CsvSource(_File, CsvLayout):
    kind: Literal["csv"]


class ParquetSource(_File):
    kind: Literal["parquet"]


class _Query(Tabled):
    """A query of a database. Its event-time column must be a date or a timestamp, so that the server can
    narrow and order by it."""

    host: str
    database: str
    user: str
    password_file: Path
    query: str
    timeout_seconds: Annotated[float, Field(gt=0)] = 60
    fetch_rows: Annotated[int, Field(gt=0)] = 2000

    @model_validator(mode="after")
    def _in_no_order_of_its_own(self) -> Self:
        if self.repeated == "in_order":
            raise ValueError(
                "repeated: in_order: a query's rows come by their times, in no order of their own; give a"
                " column that tells times apart as columns.repeated, or times with an offset"
            )
        return self


class SqlSource(_Query):
    """A PostgreSQL query."""

    kind: Literal["sql"]
    port: Annotated[int, Field(gt=0, lt=65536)] = 5432
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "prefer"


class MySqlSource(_Query):
    """A query of MySQL or MariaDB. A TIMESTAMP is an instant; a DATETIME is a time of `time_zone`."""

    kind: Literal["mysql"]
    port: Annotated[int, Field(gt=0, lt=65536)] = 3306
    ca_file: Path | None = None
    """Who signed the server's certificate: with it, connections are encrypted and checked."""


class HttpSource(Unsorted, http_config.HttpClient, BaseModel):
    """An API. Of JSON, a column is the path of a field in a row; of XML, that of an element below the row's,
    with `@name` for an attribute, `text()` for the row's own text, and `^` for the element around it."""

    kind: Literal["http"]
    url: Annotated[str, Field(json_schema_extra={"pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"})]
    parameters: dict[http_config.PlainName, str] = {}
    format: Literal["json", "xml", "csv", "parquet"] = "json"
    csv: CsvLayout = CsvLayout()
    """How answers in CSV are written."""
    rows: paths.Path = ""
    """Where the list of rows is in an answer; empty where the answer is the list. Of XML, the names of the
    elements from below the outermost one down to a row's, each of which may be there many times."""
    row_key: str | None = None
    """Where the rows are an object's, each under a key of its own (a date, say): the name by which `columns`
    finds that key. A row that is a value and no object is its field `value`."""
    columnar: bool = False
    """Whether at `rows` there is an object of lists, one a column, in place of a list of rows."""
    errors: tuple[paths.Path, ...] = ("error", "errors")
    """Where an answer says that it failed, by anything but null, false, zero or empty."""
    since_parameter: str | None = None
    until_parameter: str | None = None
    range_format: str = "%Y-%m-%d"
    """strftime's, or `epoch_seconds` or `epoch_milliseconds`, of a time in UTC."""
    paging: http_config.Paging = http_config.NoPaging()
    max_pages: Annotated[int, Field(gt=0)] = 10_000

    @model_validator(mode="after")
    def _without_a_key(self) -> Self:
        # Here and not of the field: a refused field is shown with its value.
        http_config.no_key_in(self.url)
        http_config.no_key_among(self.parameters, "parameters")
        return self

    @model_validator(mode="after")
    def _of_its_format(self) -> Self:
        if self.columnar and self.row_key:
            raise ValueError("give one of `row_key` and `columnar`")
        if self.format == "xml":
            if self.row_key or self.columnar or not self.rows:
                raise ValueError(
                    "xml needs `rows`, the path of a row's element, and takes no row_key or columnar"
                )
        elif self.format != "json":
            within = ("field", "total")
            looked_for = [f"paging.{name}" for name in within if getattr(self.paging, name, None)]
            looked_for += [name for name in ("rows", "row_key", "columnar") if getattr(self, name)]
            if looked_for:
                raise ValueError(f"{self.format} has no {', '.join(looked_for)}: only JSON and XML have")
            return self
        for column in self.columns.read:
            paths.parts(column)
        return self


class SyntheticSymbol(Model):
    """One generated series. `reversion` is the share of the distance to its level that a price loses a
    session, `volatility` the long-run standard deviation of a session's log return, `season` the yearly
    swing of the level, as a log amplitude."""

    symbol: Annotated[Name, StringConstraints(pattern=f"^{SYNTHETIC_PREFIX}")]
    market: Name
    currency: Currency
    unit: Unit
    level: Annotated[float, Field(gt=0)]
    reversion: Annotated[float, Field(gt=0, lt=1)]
    volatility: Annotated[float, Field(gt=0, lt=1)]
    season: Annotated[float, Field(ge=0, lt=1)] = 0


class Faults(Model):
    """Shares of the generated rows that are spoilt on purpose, for tests."""

    gap: Annotated[float, Field(ge=0, le=1)] = 0
    duplicate: Annotated[float, Field(ge=0, le=1)] = 0
    spike: Annotated[float, Field(ge=0, le=1)] = 0
    late: Annotated[float, Field(ge=0, le=1)] = 0
    spike_factor: Annotated[float, Field(gt=1)] = 10
    late_days: Annotated[int, Field(gt=0)] = 3


class SyntheticSource(Model):
    kind: Literal["synthetic"]
    provenance: ClassVar[Provenance] = "synthetic"
    name: Name = "synthetic"
    seed: Annotated[int, Field(ge=0)] = 20170101
    start: date = date(2017, 1, 1)
    time_of_day: TimeOfDay = time(16)
    publication_lag: Span = timedelta(hours=1)
    look_back: Span = timedelta(days=30)
    within_market: Annotated[float, Field(ge=0, lt=1)] = 0.8
    """Correlation of the shocks of two symbols of one market."""
    across_markets: Annotated[float, Field(ge=0, lt=1)] = 0.3
    symbols: Annotated[tuple[SyntheticSymbol, ...], Field(min_length=1)]
    faults: Faults | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.across_markets > self.within_market:
            raise ValueError("across_markets must not be above within_market")
        if len({symbol.symbol for symbol in self.symbols}) < len(self.symbols):
            raise ValueError("a symbol is listed twice")
        if self.faults and "fault" not in self.name:
            raise ValueError("a source with faults must say so: put `fault` into its name")
        return self


class ReplaySource(Model):
    """Publishes the withheld years of file sources, a step each `interval` from its first run on."""

    kind: Literal["replay"]
    provenance: ClassVar[Provenance] = "replay"
    name: Name = "replay"
    of: Annotated[tuple[Name, ...], Field(min_length=1)]
    """File sources with `withhold_years`; the first sets the steps."""
    interval: Interval = timedelta(days=1)
    published_by: Literal["run", "replay"] = "replay"
    """The command that publishes it: the scheduled `run`, or the continuous `replay`."""


FileSource = CsvSource | ParquetSource
SourceConfig = Annotated[
    CsvSource
    | ParquetSource
    | SqlSource
    | MySqlSource
    | HttpSource
    | S3Source
    | SftpSource
    | SyntheticSource
    | ReplaySource,
    Field(discriminator="kind"),
]


class Sources(Model):
    """The whole file."""

    sources: tuple[SourceConfig, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.sources:
            raise ValueError("lists no source")
        names = [source.name for source in self.sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"source name used twice: {', '.join(twice)}")
        files = {source.name: source for source in self.sources if isinstance(source, FileSource)}
        replays = [source for source in self.sources if isinstance(source, ReplaySource)]
        if len(replays) > 1:
            raise ValueError("only one source of kind replay can be configured")
        for name in (name for replay in replays for name in replay.of):
            if name not in files or not files[name].withhold_years:
                raise ValueError(f"replay: {name!r} is not a csv or parquet source with withhold_years")
            if f"{name}{REPLAY_SUFFIX}" in names:
                raise ValueError(f"{name}{REPLAY_SUFFIX} is the name under which the replay publishes {name}")
        return self

    def of_other_provenance(self, allowed: Collection[Provenance]) -> list[SourceConfig]:
        """The sources that say of their prices what is not allowed."""
        return [source for source in self.sources if source.provenance not in allowed]

    @property
    def replay(self) -> ReplaySource | None:
        """The replay source, if one is configured."""
        return next((source for source in self.sources if isinstance(source, ReplaySource)), None)

    @property
    def messages(self) -> frozenset[type[Message]]:
        """What the sources publish."""
        tabled = {source.message for source in self.sources if isinstance(source, Tabled)}
        return frozenset({Price, *tabled})

    @property
    def published(self) -> frozenset[str]:
        """Every `source` of a message that this configuration publishes."""
        own = {source.name for source in self.sources if not isinstance(source, ReplaySource)}
        replayed = {replay_name(name) for name in (self.replay.of if self.replay else ())}
        return frozenset(own | replayed)


REPLAY_SUFFIX = "-replay"


def replay_name(source: str) -> str:
    """`Price.source` of the replayed prices of a file source."""
    return f"{source}{REPLAY_SUFFIX}"
