"""From the cells that name a period to [start, end) in UTC, and when its price was known."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from workloads.kit import periods
from workloads.kit.contracts.messages import EARLIEST, LATEST
from workloads.kit.periods import NoSuchTime
from workloads.price_pipeline.cells import Unreadable, read_flag, read_time, shown
from workloads.price_pipeline.rows import RawRow


class Seen:
    """Local times that the clock shows twice, as they were met: the first row of a symbol is the first."""

    def __init__(self) -> None:
        self._times: dict[tuple[object, datetime], int] = {}

    def again(self, symbol: object, local: datetime) -> bool:
        """Whether this is the second time that the symbol has this label; Unreadable at the third."""
        count = self._times[symbol, local] = self._times.get((symbol, local), 0) + 1
        if count > 2:
            raise Unreadable(f"{local:%Y-%m-%d %H:%M} is given {count} times, and the clock shows it twice")
        return count == 2


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
    return start, row.terms.resolution.end(start, row.terms.zone)


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
    return _local(terms.resolution.before(label), row, seen)


_HOUR = re.compile(r"(?:HE|H)?\s*0*(\d{1,3})(?::00)?(?::00)?\s*([AB*])?", re.ASCII | re.IGNORECASE)


def _counted(row: RawRow, seen: Seen) -> datetime:
    """Start of the period that a date and a number name."""
    terms = row.terms
    label = read_time(row.event_time, terms)
    of = label.date() if label.tzinfo is None else label.astimezone(terms.zone).date()
    cell = row.hour
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    match = _HOUR.fullmatch(str(cell).strip()) if isinstance(cell, int | str) else None
    if match is None or isinstance(cell, bool):
        raise Unreadable(f"hour {shown(row.hour)} is no number of an hour")
    number, mark = int(match[1]), (match[2] or "").upper()
    if terms.labels == "position":
        return periods.position(of, number, terms.resolution, terms.zone)
    first, last = (1, 24) if terms.labels == "hour_ending" else (0, 23)
    if not first <= number <= last:
        raise NoSuchTime(
            f"hour {shown(row.hour)} is not within {first} and {last}: where the hours of a day are numbered"
            " through a clock change, to 23 or 25, say labels: position"
        )
    local = datetime.combine(of, time(number - first))
    if mark:
        return periods.instant(local, terms.zone, second=mark != "A")
    return _local(local, row, seen)


def _local(local: datetime, row: RawRow, seen: Seen) -> datetime:
    """The instant of a local time; of one that the clock shows twice, the one that the row means."""
    terms = row.terms
    try:
        return periods.instant(local, terms.zone, second=read_flag(row.repeated))
    except NoSuchTime:
        if not terms.in_order or not _twice(local, terms.zone):
            raise
        return periods.instant(local, terms.zone, second=seen.again(row.symbol, local))


def _twice(local: datetime, zone: ZoneInfo) -> bool:
    early, late = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return early is not None and late is not None and early > late


def published(row: RawRow, start: datetime, end: datetime) -> datetime:
    """When the market made the price of [start, end) known."""
    terms = row.terms
    if row.published_at is not None:
        told = read_time(row.published_at, terms)
        return periods.instant(told, terms.zone) if told.tzinfo is None else told.astimezone(UTC)
    if terms.publication is not None:
        day = start.astimezone(terms.zone).date() + timedelta(days=terms.publication.day)
        return periods.instant(datetime.combine(day, terms.publication.at), terms.zone, second=True)
    return end if terms.publication_lag is None else start + terms.publication_lag
