"""From the cells that name a period to [start, end) in UTC, and when its price was known."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from workloads.kit import periods
from workloads.kit.contracts.messages import EARLIEST, LATEST
from workloads.kit.periods import NoSuchTime, Resolution
from workloads.price_pipeline.cells import Unreadable, read_flag, read_published, read_time, shown
from workloads.price_pipeline.rows import RawRow


class Seen:
    """What labels that may mean two periods were taken for, as they were met."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str, datetime], datetime] = {}
        self._last: dict[tuple[str, Resolution], datetime] = {}

    def require_apart(self, symbol: str, resolution: Resolution, start: datetime) -> None:
        """Unreadable where a period overlaps the one before it of its symbol: then rows are of shorter
        periods than is said of them."""
        if resolution.clock:
            last = self._last.get((symbol, resolution), start)
            if timedelta(0) < abs(start - last) < resolution.clock:
                raise Unreadable(
                    f"a period of {resolution.text} from {start:%Y-%m-%d %H:%M} UTC would overlap that from"
                    f" {last:%Y-%m-%d %H:%M}: say the length of a row's period as `resolution`, and from"
                    " which day on it is another as `resolution_from`"
                )
            self._last[symbol, resolution] = start

    def next(self, symbol: str, label: datetime, starts: list[datetime]) -> datetime:
        """The first of the starts that no row of the symbol had; Unreadable where each was."""
        for start in starts:
            if (symbol, start) not in self._labels:
                self._labels[symbol, start] = label
                return start
        raise Unreadable(f"{label:%Y-%m-%d %H:%M} is given again, and the clock shows it twice")

    def only(self, symbol: str, label: datetime, start: datetime) -> datetime:
        """The start, where no other label of the symbol had it; else Unreadable."""
        if (other := self._labels.setdefault((symbol, start), label)) != label:
            raise Unreadable(f"{label:%Y-%m-%d %H:%M} ends the same period as {other:%Y-%m-%d %H:%M}")
        return start

    def flagged(self, symbol: str, label: datetime, starts: list[datetime], *, second: bool) -> datetime:
        """The start that a flag tells; the second too where another label of the symbol had the first."""
        first, other = starts
        start = other if second or self._labels.get((symbol, first), label) != label else first
        self._labels[symbol, start] = label
        return start


def of_its_day(row: RawRow) -> RawRow:
    """The row under the resolution that its source has on the local day of its delivery.

    Raises:
        Unreadable: its cell names no day.
    """
    terms = row.terms
    if not terms.resolution_from or row.period is not None:
        return row
    label = read_time(row.event_time, terms)
    if label.tzinfo is not None:
        label = label.astimezone(terms.zone)
    if terms.labels == "end":
        # The end of a day's last period is the next day's midnight.
        label -= timedelta.resolution
    since = [resolution for day, resolution in terms.resolution_from if day <= label.date()]
    changed = replace(terms, resolution=since[-1] if since else terms.resolution, resolution_from=())
    return replace(row, terms=changed)


def period(row: RawRow, seen: Seen) -> tuple[datetime, datetime]:
    """The delivery period that a row's cells name, in UTC.

    Raises:
        Unreadable: they name none, or one that no price has.
        NoSuchTime: they name one that its day does not have, or two.
    """
    try:
        start = _start(row, seen)
    except OverflowError:
        start = None
    if start is None or not EARLIEST <= start < LATEST:
        raise Unreadable(f"{shown(row.event_time)} is not within {EARLIEST:%Y} and {LATEST:%Y}")
    seen.require_apart(_symbol(row), row.terms.resolution, start)
    return start, row.terms.resolution.end(start, row.terms.zone)


def first_of_two(row: RawRow) -> datetime | None:
    """When the first of the periods begins that the row's label means by itself, where there are two."""
    try:
        apart = replace(of_its_day(row), repeated=True)
        second, _ = period(apart, Seen())
        first, _ = period(replace(apart, repeated=False), Seen())
    except (Unreadable, NoSuchTime):
        return None
    return first if first != second else None


def _symbol(row: RawRow) -> str:
    """Of its series, which may yet turn out to be none: a cell may hold a list."""
    return str(row.series)


def _start(row: RawRow, seen: Seen) -> datetime:
    terms = row.terms
    if terms.labels in ("hour_ending", "hour_starting", "position"):
        return _counted(row, seen)
    label = read_time(row.event_time, terms)
    if terms.labels != "end":
        return _local(label, row, seen) if label.tzinfo is None else label.astimezone(UTC)
    if label.tzinfo is not None:
        if terms.resolution.clock is not None:
            return label.astimezone(UTC) - terms.resolution.clock
        # A day goes back to the same time of the day before, on the market's clock.
        label = label.astimezone(terms.zone).replace(tzinfo=None)
    if terms.resolution.clock is not None:
        return _ending(label, terms.resolution.clock, row, seen)
    return _local(terms.resolution.before(label), row, seen)


_HOUR = re.compile(r"(?:HE|H)?\s*0*(\d{1,3})(?:\.0+|:00(?::00)?)?\s*([AB*])?", re.ASCII | re.IGNORECASE)


def _counted(row: RawRow, seen: Seen) -> datetime:
    """Start of the period that a date and a number name."""
    terms = row.terms
    label = read_time(row.event_time, terms)
    of = label.date()
    if label.tzinfo is not None:
        local = label.astimezone(terms.zone)
        if local.date() != of and local.time() != time(0):
            raise Unreadable(
                f"{shown(row.event_time)} is of another day in {terms.zone.key}: a date has no offset;"
                " let `time_format` leave it out"
            )
        of = local.date()
    cell = row.hour
    if isinstance(cell, float | Decimal) and cell == cell // 1:
        cell = int(cell)
    match = _HOUR.fullmatch(str(cell).strip()) if isinstance(cell, int | str | time) else None
    if match is None or isinstance(cell, bool):
        raise Unreadable(f"hour {shown(row.hour)} is no number of an hour")
    number, mark = int(match[1]), (match[2] or "").upper()
    if terms.labels == "position":
        if mark:
            raise Unreadable(
                f"hour {shown(row.hour)} is of the clock, and labels: position counts through it"
            )
        return periods.position(of, number, terms.resolution, terms.zone)
    first, last = (1, 24) if terms.labels == "hour_ending" else (0, 23)
    if not first <= number <= last:
        raise NoSuchTime(
            f"hour {shown(row.hour)} is not within {first} and {last}: where the hours of a day are numbered"
            " through a clock change, to 23 or 25, say labels: position"
        )
    local = datetime.combine(of, time(number - first))
    if mark:
        return _meant(local, periods.instants(local, terms.zone), row, seen, marked=mark != "A")
    return _local(local, row, seen)


def _local(local: datetime, row: RawRow, seen: Seen) -> datetime:
    """The instant of a local time; of one that the clock shows twice, the one that the row means. A day, a
    week or a month begins once, also where midnight is when the clock changes."""
    if row.terms.resolution.clock is None and local.time() == time(0):
        return periods.midnight(local.date(), row.terms.zone)
    return _meant(local, periods.instants(local, row.terms.zone), row, seen)


def _ending(label: datetime, length: timedelta, row: RawRow, seen: Seen) -> datetime:
    """Start of the period that ends at a local time. Where the clock changes, sources write either the time
    that it then shows, or that of the period's start and a period more: it may mean both."""
    zone = row.terms.zone
    by_end = [end - length for end in periods.instants(label, zone)]
    by_start = periods.instants(label - length, zone)
    if by_end == by_start:
        return _meant(label, by_end, row, seen)
    starts = sorted({*by_end, *by_start})
    if len(starts) == 1:
        return seen.only(_symbol(row), label, starts[0])
    return _meant(label, starts, row, seen)


def _meant(
    label: datetime, starts: list[datetime], row: RawRow, seen: Seen, *, marked: bool | None = None
) -> datetime:
    """Of the starts that a local label may mean, the one that its row does."""
    zone, second = row.terms.zone, marked
    if second is None and row.repeated is not None:
        second = read_flag(row.repeated)
    if not starts:
        return periods.instant(label, zone)  # raises
    if len(starts) == 1:
        if second:
            raise NoSuchTime(
                f"{label:%Y-%m-%d %H:%M} is said to be the second, and {zone.key} has it once: is it summer"
                " time that the source flags?"
            )
        return starts[0]
    if second is not None:
        return seen.flagged(_symbol(row), label, starts, second=second)
    if row.terms.in_order:
        return seen.next(_symbol(row), label, starts)
    raise periods.twice(label, zone)


def published(row: RawRow, start: datetime, end: datetime) -> datetime:
    """When the market made the price of [start, end) known."""
    terms = row.terms
    if row.published_at is not None:
        told = read_published(row.published_at, terms)
        if told.tzinfo is not None:
            return told.astimezone(UTC)
        # Of a time that the clock shows twice the later one: before, nobody is sure to have known it.
        return max(periods.instants(told, terms.zone), default=None) or periods.instant(told, terms.zone)
    if terms.publication is not None:
        day = start.astimezone(terms.zone).date() + timedelta(days=terms.publication.day)
        at = datetime.combine(day, terms.publication.at)
        # The later one of a time that the clock shows twice, or skips: nobody knew it before.
        known = periods.instants(at, terms.zone)
        return known[-1] if known else at.replace(tzinfo=terms.zone).astimezone(UTC)
    return end if terms.publication_lag is None else start + terms.publication_lag
