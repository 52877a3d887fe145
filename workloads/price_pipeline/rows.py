"""Rows as sources give them, and what is said of all rows of a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.indicators import IndicatorKind, indicator_series
from workloads.kit.contracts.messages import Price, Product, Provenance
from workloads.kit.contracts.sources.row_config import Labels, Publication
from workloads.kit.periods import Resolution

_UTC: Final = ZoneInfo("UTC")
_DAY: Final = Resolution.parse("P1D")


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every price of a series, and how its rows are written (`config._Columned`)."""

    source: str
    market: str
    currency: str
    unit: str
    """Of rows that name none of their own; empty where each has to."""
    provenance: Provenance
    product: Product = "spot"
    kind: IndicatorKind | None = None
    """Of indicators, whose zone is `market` where a row has none of its own; None: of prices."""
    resolution: Resolution = _DAY
    resolution_from: tuple[tuple[date, Resolution], ...] = ()
    """Local days from which on periods are of another length, rising."""
    zone: ZoneInfo = _UTC
    publication_lag: timedelta | None = None
    publication: Publication | None = None
    time_format: str | None = None
    published_format: str | None = None
    time_of_day: time = time(0)
    labels: Labels = "start"
    in_order: bool = False
    decimal: str = "."
    thousands: str = ""
    no_price: frozenset[str] = frozenset({"", "."})
    withdrawn: frozenset[str] = frozenset()
    by_status: bool = False
    """Whether rows have a status, which says what is withdrawn."""
    workload: str = PRICE_PIPELINE.name
    """Who reads them, as the dead letters of those that are refused say."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One price or indicator as its source gave it, unchecked. `raw` is the row's bytes, for the dead-letter
    topic; `problem` says why the source itself could not take the row apart. Cells beside time and price are
    None where the source has no such column."""

    terms: Terms
    raw: bytes = field(repr=False)
    symbol: object
    event_time: object
    price: object
    hour: object = None
    repeated: object = None
    published_at: object = None
    status: object = None
    currency: object = None
    unit: object = None
    zone: object = None
    period: tuple[datetime, datetime] | None = None
    """The delivery period in UTC, of a source that makes it itself: known when it starts."""
    replayed_from: datetime | None = None
    problem: str | None = None
    line: int = 0
    """Where the row begins in its file, from 1; 0 where it is in none."""
    given: bool = True
    """Whether the row has a cell for the price, be it an empty one."""
    fault: str | None = None
    """The fault that the generator put into this row."""

    @property
    def series(self) -> object:
        """What it is of: the series of its message, where its cells give one."""
        terms = self.terms
        if terms.kind is None:
            return self.symbol
        return indicator_series(str(own(self.zone, terms.market)), str(self.symbol), terms.kind)


def own(cell: object, given: str) -> object:
    """A row's own currency, unit or zone; the source's where it has none."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return given
    return cell.strip() if isinstance(cell, str) else cell


@dataclass(frozen=True, slots=True)
class Unobserved:
    """The source says that it has no price there: nothing to publish and nothing wrong."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is no price or indicator; `topic` is the one that it was meant for. `error` is the field at
    fault, or `row` or `schema`; `reason` names the value."""

    source: str
    symbol: str
    raw: bytes
    error: str
    reason: str
    line: int = 0
    topic: str = Price.topic
    workload: str = PRICE_PIPELINE.name
