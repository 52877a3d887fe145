"""How the rows of a source become prices: the instrument, its periods, when they are known, the columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, ClassVar, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from workloads.kit.contracts.indicators import (
    Indicator,
    IndicatorKind,
    Message,
    indicator_series,
)
from workloads.kit.contracts.messages import LEAD, PRINTABLE, Price, Product, Provenance
from workloads.kit.contracts.sources.columns import Columns, Model, Name
from workloads.kit.periods import Resolution

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=rf"^{PRINTABLE}*$")]
Span = Annotated[timedelta, Field(ge=timedelta(0))]
Interval = Annotated[timedelta, Field(ge=timedelta(milliseconds=10))]


def _no_number(value: object) -> object:
    # YAML reads an unquoted 16:00 as the number 960.
    if isinstance(value, int | float):
        raise ValueError('write a time of day in quotes: "16:00"')
    return value


def _local(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("is local, in the source's `time_zone`: leave the offset out")
    return value


TimeOfDay = Annotated[time, BeforeValidator(_no_number)]
LocalTime = Annotated[TimeOfDay, AfterValidator(_local)]
Publishes = Literal["prices", "forecasts", "actuals"]
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


ZoneName = Annotated[str, AfterValidator(_zone)]


KINDS: Final[Mapping[Publishes, IndicatorKind | None]] = {
    "prices": None,
    "forecasts": "forecast",
    "actuals": "actual",
}
"""Of which kind the indicators are that a source publishes; None where it publishes prices."""


class Publication(Model):
    """When a market makes a period's price known: at a local time of a day relative to the delivery's, such
    as `{day: -1, at: "12:57"}` for a day-ahead auction."""

    day: Annotated[int, Field(ge=-31, le=366)]
    at: LocalTime


class Prices(Model, BaseModel):
    """What all sources say of their prices: the instrument, and when it is known. A source of indicators says
    the same of them, without product and currency."""

    name: Name
    market: Name
    """Of indicators the market or bidding zone that they are of, where rows have none of their own."""
    publishes: Publishes = "prices"
    product: Product = "spot"
    currency: Currency = "USD"
    unit: Unit = "bbl"
    """Of rows that name none of their own in `columns.currency` and `columns.unit`."""
    resolution: Annotated[str, AfterValidator(_resolution)] = "P1D"
    """Length of a delivery period: PT15M, PT1H, P1D, P1M; PT0S for quotes of an instant."""
    resolution_from: dict[date, Annotated[str, AfterValidator(_resolution)]] = {}
    """Local day of delivery -> the length of periods from that day on, where a market changed it:
    `{2025-10-01: PT15M}`. The symbol stays, and a series of the new length begins."""
    time_zone: ZoneName = "UTC"
    """The market's, of times without a zone of their own, and of its days."""
    publication_lag: Span | None = None
    """From the start of a period until the source makes its price known (ISO 8601: P1D, PT1H)."""
    publication: Publication | None = None
    """Or a local time of a day; without either, and without `columns.published_at`, a price is known when its
    period is over."""
    look_back: Span = timedelta(days=30)
    """How far before the newest known price changes and late rows are looked for."""


class Columned(Prices):
    columns: Columns
    time_format: str | None = None
    """strptime's, or `epoch_seconds`, `epoch_milliseconds` or `excel_days` (local, the serials of a sheet: a
    whole one is a date alone, or midnight); None is ISO 8601."""
    published_format: str | None = None
    """Likewise of `columns.published_at`, or `iso`; None is as `time_format`."""
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
    withdrawn: tuple[str, ...] = ()
    """How it writes that a price it gave is none any more: in `columns.status`, or without that in place of
    the price, where `""` is a price that was taken out. A row that is no longer given withdraws nothing."""

    def stated(self, term: Literal["currency", "unit"]) -> str:
        """What rows without their own have; empty where the source says that each row has its own."""
        of_rows = getattr(self.columns, term) is not None and term not in self.model_fields_set
        return "" if of_rows else getattr(self, term)

    @property
    def assumed(self) -> dict[str, str]:
        """Its terms that neither it nor its rows say, with what is taken for them."""
        if self.publishes != "prices":
            return {}
        terms = ("currency", "unit")
        return {
            term: getattr(self, term)
            for term in terms
            if term not in self.model_fields_set and getattr(self.columns, term) is None
        }

    @model_validator(mode="after")
    def _of_what_it_publishes(self) -> Self:
        what, columns = self.publishes, self.columns
        if columns.status is not None and not self.withdrawn:
            raise ValueError(
                f"columns.status is read for what `withdrawn` lists: say how {columns.status!r} writes it"
            )
        if what == "prices":
            if columns.of_indicators:
                raise ValueError(
                    f"columns.{columns.of_indicators[0]} is of indicators: say `publishes: forecasts`, or"
                    " `publishes: actuals`"
                )
            if self.publication is not None and self.publication.day < 0 and self.product not in LEAD:
                raise ValueError(
                    f"publication.day {self.publication.day} is before delivery, when no {self.product} price"
                    f" is known: product is one of {', '.join(LEAD)}, or give the day on which it is known"
                )
            return self
        not_theirs = [name for name in ("product", "currency", "withdrawn") if name in self.model_fields_set]
        not_theirs += [f"columns.{name}" for name in columns.of_prices]
        if not_theirs:
            raise ValueError(
                f"publishes: {what} has no {', '.join(not_theirs)}: give `unit`, and `columns.indicators`, or"
                " `columns.indicator` and `columns.value`"
            )
        if "unit" not in self.model_fields_set and columns.unit is None:
            raise ValueError(f"publishes: {what} needs a `unit`, such as MW, Cel or EUR/t, or `columns.unit`")
        if what == "forecasts" and self.publication is None and columns.published_at is None:
            raise ValueError(
                "publishes: forecasts is known before its delivery: say when by `publication` or"
                " `columns.published_at`"
            )
        return self

    @model_validator(mode="after")
    def _times_agree(self) -> Self:
        known = {
            "publication_lag": self.publication_lag,
            "publication": self.publication,
            "columns.published_at": self.columns.published_at,
        }
        if len(given := [name for name, value in known.items() if value is not None]) > 1:
            raise ValueError(f"{' and '.join(given)} both say when a price is known: give one")
        if self.published_format is not None and self.columns.published_at is None:
            raise ValueError("published_format is of `columns.published_at`: give that too")
        counted = self.labels in ("hour_ending", "hour_starting", "position")
        if counted != (self.columns.hour is not None):
            raise ValueError(
                f"labels: {self.labels} {'needs' if counted else 'does not take'} `columns.hour`"
            )
        for resolution in (self.resolution, *self.resolution_from.values()):
            if self.labels in ("hour_ending", "hour_starting") and resolution != "PT1H":
                raise ValueError(f"labels: {self.labels} counts hours: resolution is PT1H, not {resolution}")
            if self.labels == "position" and not Resolution.parse(resolution).clock:
                raise ValueError(f"labels: position counts periods within a day, not of {resolution}")
        if self.repeated == "in_order" and self.columns.repeated is not None:
            raise ValueError("repeated: in_order and columns.repeated both tell times apart: give one")
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are both {self.decimal!r}")
        return self


def _tried(written: str) -> None:
    """Raises ValueError where strptime reads no time by a format, or another one than was written."""
    text = (meant := datetime(2024, 3, 28, 13, 15, tzinfo=UTC)).strftime(written)
    try:
        told = datetime.strptime(text, written)
    except ValueError as error:
        raise ValueError(f"is no format of strptime: {error}") from None
    directives = set(re.findall("%(.)", written.replace("%%", "")))
    if told.year != meant.year or told.strftime(written) != text:
        raise ValueError(f"does not say which day is meant: {text!r} would be read as {told:%Y-%m-%d}")
    if directives & {"H", "I", "p"} not in ({"H"}, {"I", "p"}, set()):
        raise ValueError("hours are %H, or %I with %p: written otherwise, 1:15 PM is read as 01:15")


class Tabled(Columned, BaseModel):
    """What all sources of rows with columns take beside."""

    provenance: ClassVar[Provenance] = "market"
    symbols: dict[str, Name] = {}
    """The source's own names in `columns.symbol` -> SYMBOL, or in `columns.indicator` -> name; others stay as
    they are."""
    zones: dict[str, Name] = {}
    """Likewise what `columns.zone` holds -> zone."""
    retired_after: Span = timedelta(days=90)
    """A series whose newest price is this much older than the source's newest has come to its end: the
    source is not asked from there on for its sake."""

    @field_validator("time_format", "published_format")
    @classmethod
    def _can_be_parsed(cls, value: str | None) -> str | None:
        if value is not None and "%Z" in value.replace("%%", ""):
            raise ValueError(
                "cannot hold %Z, of which the name of a zone is read and not used: write UTC as"
                " it stands and give `time_zone`, or use %z for an offset"
            )
        if value is not None and "%" in value:
            _tried(value)
        return value

    @model_validator(mode="after")
    def _symbols_of_rows(self) -> Self:
        if self.symbols and self.columns.label is None:
            raise ValueError("`symbols` names what `columns.symbol` holds: give that too")
        if self.zones and self.columns.zone is None:
            raise ValueError("`zones` names what `columns.zone` holds: give that too")
        return self

    @property
    def message(self) -> type[Message]:
        """What its rows become."""
        return Price if self.publishes == "prices" else Indicator

    @property
    def named(self) -> set[str]:
        """The series that it names itself."""
        kind = KINDS[self.publishes]
        if kind is None:
            return set(self.columns.wide.values())
        if self.columns.zone is not None:
            return set()
        return {indicator_series(self.market, name, kind) for name in self.columns.wide.values()}


class Unsorted(Tabled):
    """Rows that nothing has put in order. They are held in memory, whole, until the last is read."""

    ordered: bool = False
    """States that the rows of each symbol come in the order of their times: they are then published as they
    are read, and what was read before a failure is. Rows that come otherwise fail the source."""
