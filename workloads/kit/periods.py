"""Delivery periods: from a market's local labels to [start, end) in UTC, and back.

A local time that the clock change leaves out, or that it gives twice without a sign which one is meant, is
refused by name and never guessed (IANA time zones, by `zoneinfo`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo

from workloads.kit.contracts.messages import INSTANT

_TEXT: Final = re.compile(r"P(?:(\d{1,3})([DWMY])|T(\d{1,5})([SMH]))", re.ASCII)
_CLOCK: Final = {"S": timedelta(seconds=1), "M": timedelta(minutes=1), "H": timedelta(hours=1)}
_CALENDAR: Final = {"D": (1, 0), "W": (7, 0), "M": (0, 1), "Y": (0, 12)}  # days, months


class NoSuchTime(ValueError):
    """A local time that does not exist, exists twice, or numbers a period that its day does not have."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Length of delivery periods: `clock` time, or `days` and `months` of the local calendar.

    A local day has 23 to 25 hours, so a calendar period's length depends on its zone and place.
    """

    text: str
    clock: timedelta | None
    days: int = 0
    months: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The resolution written as an ISO 8601 duration of one part, such as PT15M, PT1H, P1D, P1M.

        Raises:
            ValueError: with the remedy.
        """
        match = _TEXT.fullmatch(text)
        number = int(match[1] or match[3]) if match else 0
        if match is None or (number == 0 and text != INSTANT):
            raise ValueError(
                f"resolution {text!r}: give an ISO 8601 duration of one part, such as PT15M, PT1H, P1D or P1M"
            )
        if match[4]:
            return cls(text, number * _CLOCK[match[4]])
        days, months = _CALENDAR[match[2]]
        return cls(text, None, number * days, number * months)

    def end(self, start: datetime, zone: ZoneInfo) -> datetime:
        """End of the period that starts at `start`, in UTC."""
        if self.clock is not None:
            return start + self.clock
        local = start.astimezone(zone)
        moved = _months_on(local.date(), self.months) + timedelta(days=self.days)
        if local.time() != time(0) and start == midnight(local.date(), zone):
            return midnight(moved, zone)  # a day that the clock began later
        # The day's own time of day, whatever the clock did in between.
        return datetime.combine(moved, local.timetz()).astimezone(UTC)

    def before(self, label: datetime) -> datetime:
        """The local wall-clock time (naive) at which a period begins that is labelled by its end."""
        if self.clock is not None:
            return label - self.clock
        return datetime.combine(_months_on(label.date(), -self.months), label.time()) - timedelta(
            days=self.days
        )


def instant(local: datetime, zone: ZoneInfo, *, second: bool | None = None) -> datetime:
    """The instant, in UTC, of a naive local time.

    Args:
        second: which one is meant of a time that the clock shows twice; None: it is not known.

    Raises:
        NoSuchTime: the clock skips it, or shows it twice and `second` is None.
    """
    early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early.astimezone(UTC)
    if late.utcoffset() > early.utcoffset():  # type: ignore[operator]  # a zone's offset is never None
        raise NoSuchTime(f"{local:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clock skips it")
    if second is None:
        raise twice(local, zone)
    return (late if second else early).astimezone(UTC)


def instants(local: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants, in UTC and in order, of a naive local time: one, none that the clock skips, or two."""
    early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return [early.astimezone(UTC)]
    both = [early.astimezone(UTC), late.astimezone(UTC)]
    return both if both[0] < both[1] else []


def twice(local: datetime, zone: ZoneInfo) -> NoSuchTime:
    """Why a local time that the clock shows twice, or that ends two periods, is none by itself."""
    return NoSuchTime(
        f"{local:%Y-%m-%d %H:%M} exists twice in {zone.key}: say which of the two, by a column"
        " `repeated`, or by `repeated: in_order` where the first row is the first of them"
    )


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins: its first moment, where the clock skips midnight."""
    try:
        return instant(datetime.combine(day, time(0)), zone, second=False)
    except NoSuchTime:
        before = datetime.combine(day, time(0), zone)  # as the offset of before the change has it
        return before.astimezone(UTC)


@lru_cache(maxsize=4096)
def day(of: date, resolution: Resolution, zone: ZoneInfo) -> tuple[tuple[datetime, datetime], ...]:
    """The periods of a local day in order, in UTC: 23 to 25 hours, 92 to 100 quarters.

    They fill the day: the last one is shorter where it does not hold a whole number of them, as hours of a
    day of 24 and a half.

    Raises:
        ValueError: `resolution` does not divide a day: it is a calendar one, or an instant.
    """
    if not resolution.clock:
        raise ValueError(f"resolution {resolution.text} has no periods within a day: give one such as PT1H")
    start, stop = midnight(of, zone), midnight(of + timedelta(days=1), zone)
    count = -((start - stop) // resolution.clock)
    return tuple(
        (start + number * resolution.clock, min(start + (number + 1) * resolution.clock, stop))
        for number in range(count)
    )


def position(of: date, number: int, resolution: Resolution, zone: ZoneInfo) -> datetime:
    """Start of the `number`-th whole period (from 1) of a local day, counted through a clock change.

    Raises:
        NoSuchTime: the day does not have so many.
        ValueError: as `day`.
    """
    periods = [one for one in day(of, resolution, zone) if one[1] - one[0] == resolution.clock]
    if not 1 <= number <= len(periods):
        raise NoSuchTime(
            f"{of} has no period {number} in {zone.key}: it has {len(periods)} of {resolution.text}"
        )
    return periods[number - 1][0]


def _months_on(of: date, months: int) -> date:
    if not months:
        return of
    year, month = divmod(of.year * 12 + of.month - 1 + months, 12)
    for last in range(of.day, 27, -1):  # the 31st of a month that has none is its last day
        try:
            return of.replace(year=year, month=month + 1, day=last)
        except ValueError:
            continue
    return of.replace(year=year, month=month + 1)
