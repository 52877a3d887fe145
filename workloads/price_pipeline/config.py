"""The sources file: which sources there are, and how each one's rows become prices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from workloads.kit.contracts.messages import PRINTABLE, SYNTHETIC_PREFIX, Product
from workloads.kit.periods import Resolution
from workloads.price_pipeline import http_config, paths
from workloads.price_pipeline.csv_config import CsvLayout
from workloads.price_pipeline.strict import Strict

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=rf"^{PRINTABLE}*$")]
Span = Annotated[timedelta, Field(ge=timedelta(0))]
Interval = Annotated[timedelta, Field(ge=timedelta(milliseconds=10))]


def _no_number(value: object) -> object:
    # YAML reads an unquoted 16:00 as the number 960.
    if isinstance(value, int | float):
        raise ValueError('write a time of day in quotes: "16:00"')
    return value


TimeOfDay = Annotated[time, BeforeValidator(_no_number)]
Labels = Literal["start", "end", "hour_ending", "hour_starting", "position"]


def _resolution(value: str) -> str:
    return Resolution.parse(value).text


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError(
            "is no IANA time zone: give one such as Europe/Berlin, America/Chicago, EST"
        ) from error


class BadSources(Exception):
    """The sources file cannot be used; one line a problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Model(Strict, BaseModel):
    """BaseModel by name, so that ruff knows whose defaults these are."""


class Columns(_Model):
    """Which field of a row holds what. Either `prices` (wide: one price column a symbol, column -> symbol) or
    `symbol` and `price` (long: one row a symbol). For JSON a field is a dotted path."""

    event_time: str
    """Labels the delivery period, alone or with `hour`."""
    hour: str | None = None
    """The hour or the number of the period in the day, where `labels` counts them."""
    repeated: str | None = None
    """Says of a local time that the clock shows twice whether it is the second: Y, true, 1, B, *, or not:
    N, false, 0, A, empty."""
    published_at: str | None = None
    """When the market made the price known; without a zone in the source's `time_zone`."""
    prices: dict[str, Name] = {}
    symbol: str | None = None
    price: str | None = None
    currency: str | None = None
    unit: str | None = None
    """A row's own currency and unit, where it has them; else the source's."""

    @property
    def read(self) -> list[str]:
        """Names of the columns that are read."""
        named = (
            *(self.event_time, self.hour, self.repeated, self.published_at),
            *(self.symbol, self.price, self.currency, self.unit),
            *self.prices,
        )
        return [name for name in named if name]

    @model_validator(mode="after")
    def _wide_or_long(self) -> Self:
        long = self.symbol is not None and self.price is not None
        if bool(self.prices) == long or (self.symbol is None) != (self.price is None):
            raise ValueError("give either `prices` (column: SYMBOL, …), or both `symbol` and `price`")
        return self


class Publication(_Model):
    """When a market makes a period's price known: at a local time of a day relative to the delivery's, such
    as `{day: -1, at: "12:57"}` for a day-ahead auction."""

    day: Annotated[int, Field(ge=-31, le=366)]
    at: TimeOfDay


class _Prices(_Model):
    """What all sources say of their prices: the instrument, and when it is known."""

    name: Name
    market: Name
    product: Product = "spot"
    currency: Currency = "USD"
    unit: Unit = "bbl"
    resolution: Annotated[str, AfterValidator(_resolution)] = "P1D"
    """Length of a delivery period: PT15M, PT1H, P1D, P1M; PT0S for quotes of an instant."""
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """The market's, of times without a zone of their own, and of its days."""
    publication_lag: Span | None = None
    """From the start of a period until the source makes its price known (ISO 8601: P1D, PT1H)."""
    publication: Publication | None = None
    """Or a local time of a day; without either, and without `columns.published_at`, a price is known when its
    period is over."""
    look_back: Span = timedelta(days=30)
    """How far before the newest known price changes and late rows are looked for."""


class _Columned(_Prices):
    columns: Columns
    time_format: str | None = None
    """strptime's, or `epoch_seconds` or `epoch_milliseconds`; None is ISO 8601."""
    time_of_day: TimeOfDay = time(0)
    """The local time of an event given as a date alone."""
    labels: Labels = "start"
    """How a row names its period: by its `start`; by its `end` on the market's clock (24:00 is one); by date
    and `hour_ending` (1 to 24) or `hour_starting` (0 to 23); by its `position` in the day, from 1, counted
    through clock changes (to 23 and 25, 92 and 100)."""
    repeated: Literal["refuse", "in_order"] = "refuse"
    """A local time that the clock shows twice, without `columns.repeated`: refused, or taken by the order of
    the rows, the first of a symbol for the first."""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] | None = None
    """What stands between groups of three digits; None: a dot beside a decimal comma, else nothing."""
    no_price: tuple[str, ...] = ("", ".")
    """How the source writes that there is no price."""

    @model_validator(mode="after")
    def _times_agree(self) -> Self:
        known = {
            "publication_lag": self.publication_lag,
            "publication": self.publication,
            "columns.published_at": self.columns.published_at,
        }
        if len(given := [name for name, value in known.items() if value is not None]) > 1:
            raise ValueError(f"{' and '.join(given)} both say when a price is known: give one")
        counted = self.labels in ("hour_ending", "hour_starting", "position")
        if counted != (self.columns.hour is not None):
            raise ValueError(
                f"labels: {self.labels} {'needs' if counted else 'does not take'} `columns.hour`"
            )
        clock = Resolution.parse(self.resolution).clock
        if self.labels in ("hour_ending", "hour_starting") and self.resolution != "PT1H":
            raise ValueError(f"labels: {self.labels} counts hours: resolution is PT1H, not {self.resolution}")
        if self.labels == "position" and not clock:
            raise ValueError(f"labels: position counts periods within a day, not of {self.resolution}")
        if self.repeated == "in_order" and self.columns.repeated is not None:
            raise ValueError("repeated: in_order and columns.repeated both tell times apart: give one")
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are both {self.decimal!r}")
        return self


class _Tabled(_Columned):
    """What all sources of rows with columns take beside."""

    symbols: dict[str, Name] = {}
    """The source's own names in `columns.symbol` -> SYMBOL; others stay as they are."""
    retired_after: Span = timedelta(days=90)
    """A series whose newest price is this much older than the source's newest has come to its end: the
    source is not asked from there on for its sake."""

    @field_validator("time_format")
    @classmethod
    def _can_be_parsed(cls, value: str | None) -> str | None:
        if value is not None and "%" in value:
            try:
                datetime.strptime(datetime(2024, 3, 28, 13, 15, tzinfo=UTC).strftime(value), value)
            except ValueError as error:
                raise ValueError(f"is no format of strptime: {error}") from None
        return value

    @model_validator(mode="after")
    def _symbols_of_rows(self) -> Self:
        if self.symbols and self.columns.symbol is None:
            raise ValueError("`symbols` names what `columns.symbol` holds: give that too")
        return self


class _Unsorted(_Tabled):
    """Rows that nothing has put in order. They are held in memory, whole, until the last is read."""

    ordered: bool = False
    """States that the rows of each symbol come in the order of their times: they are then published as they
    are read, and what was read before a failure is. Rows that come otherwise fail the source."""


class _File(_Unsorted):
    path: Path
    withhold_years: Annotated[int, Field(ge=0)] = 0
    """The last years of the file, counted back from its last row, that only a replay may publish."""


class CsvSource(_File, CsvLayout):
    kind: Literal["csv"]


class ParquetSource(_File):
    kind: Literal["parquet"]


class SqlSource(_Tabled):
    """A PostgreSQL query. Its event-time column must be a date or a timestamp, so that the server can
    narrow and order by it."""

    kind: Literal["sql"]
    host: str
    port: Annotated[int, Field(gt=0, lt=65536)] = 5432
    database: str
    user: str
    password_file: Path
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    query: str
    timeout_seconds: Annotated[float, Field(gt=0)] = 60
    fetch_rows: Annotated[int, Field(gt=0)] = 2000


class HttpSource(_Unsorted, http_config.HttpClient):
    """An API. Of JSON, a column is the path of a field in a row."""

    kind: Literal["http"]
    url: Annotated[str, StringConstraints(pattern=r"^https?://")]
    parameters: dict[str, str] = {}
    format: Literal["json", "csv", "parquet"] = "json"
    csv: CsvLayout = CsvLayout()
    """How answers in CSV are written."""
    rows: paths.Path = ""
    """Where the list of rows is in an answer; empty where the answer is the list."""
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
    def _of_its_format(self) -> Self:
        if self.columnar and self.row_key:
            raise ValueError("give one of `row_key` and `columnar`")
        if self.format != "json":
            within = ("field", "total")
            looked_for = [f"paging.{name}" for name in within if getattr(self.paging, name, None)]
            looked_for += [name for name in ("rows", "row_key", "columnar") if getattr(self, name)]
            if looked_for:
                raise ValueError(f"{self.format} has no {', '.join(looked_for)}: only JSON has")
            return self
        for column in self.columns.read:
            paths.parts(column)
        return self


class SyntheticSymbol(_Model):
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


class Faults(_Model):
    """Shares of the generated rows that are spoilt on purpose, for tests."""

    gap: Annotated[float, Field(ge=0, le=1)] = 0
    duplicate: Annotated[float, Field(ge=0, le=1)] = 0
    spike: Annotated[float, Field(ge=0, le=1)] = 0
    late: Annotated[float, Field(ge=0, le=1)] = 0
    spike_factor: Annotated[float, Field(gt=1)] = 10
    late_days: Annotated[int, Field(gt=0)] = 3


class SyntheticSource(_Model):
    kind: Literal["synthetic"]
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


class ReplaySource(_Model):
    """Publishes the withheld years of file sources, a step each `interval` from its first run on."""

    kind: Literal["replay"]
    name: Name = "replay"
    of: Annotated[tuple[Name, ...], Field(min_length=1)]
    """File sources with `withhold_years`; the first sets the steps."""
    interval: Interval = timedelta(days=1)
    published_by: Literal["run", "replay"] = "replay"
    """The command that publishes it: the scheduled `run`, or the continuous `replay`."""


FileSource = CsvSource | ParquetSource
SourceConfig = Annotated[
    CsvSource | ParquetSource | SqlSource | HttpSource | SyntheticSource | ReplaySource,
    Field(discriminator="kind"),
]


class Sources(_Model):
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

    @property
    def replay(self) -> ReplaySource | None:
        """The replay source, if one is configured."""
        return next((source for source in self.sources if isinstance(source, ReplaySource)), None)

    @property
    def published(self) -> frozenset[str]:
        """Every `Price.source` that this configuration publishes."""
        own = {source.name for source in self.sources if not isinstance(source, ReplaySource)}
        replayed = {replay_name(name) for name in (self.replay.of if self.replay else ())}
        return frozenset(own | replayed)


REPLAY_SUFFIX = "-replay"


def replay_name(source: str) -> str:
    """`Price.source` of the replayed prices of a file source."""
    return f"{source}{REPLAY_SUFFIX}"


def load(path: Path) -> Sources:
    """Read a sources file.

    Raises:
        BadSources: it cannot be read or breaks a rule; one line a problem with its place, value and remedy.
    """
    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSources([f"{path}: cannot be read ({error.strerror}); SOURCES_FILE must name it"]) from None
    except yaml.YAMLError as error:
        raise BadSources([f"{path}: is not YAML: {' '.join(str(error).split())}"]) from None
    try:
        return Sources.model_validate(content)
    except ValidationError as error:
        problems = [_problem(path, content, dict(item)) for item in error.errors(include_url=False)]
        raise BadSources(problems) from None


def _problem(path: Path, content: object, error: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in error["loc"] if part not in _KINDS) or "the file"
    name = _source_name(content, error["loc"])
    message = re.sub(r"^Value error, ", "", str(error["msg"]))
    value = error.get("input")
    # An unknown key may be a misplaced password.
    plain = isinstance(value, str | int | float | bool) and error["type"] != "extra_forbidden"
    shown = f" (is {value!r})" if plain else ""
    return f"{path}: {place}{f' of source {name!r}' if name else ''}: {message}{shown}"


def _source_name(content: object, loc: tuple[str | int, ...]) -> str | None:
    match (content, loc):
        case ({"sources": list(rows)}, ("sources", int(index), *_)) if index < len(rows):
            row = rows[index]
            return row.get("name") if isinstance(row, dict) else None
        case _:
            return None


_KINDS = {"csv", "parquet", "sql", "http", "synthetic", "replay"}
