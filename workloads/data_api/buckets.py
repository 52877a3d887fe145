"""Hours, days, weeks and months of a time zone, and which parts of them are base, peak and off-peak.

All in UTC, [start, end). A local day has 23 to 25 hours; the local clock is asked for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from workloads.kit import periods
from workloads.kit.markets import Peak
from workloads.kit.periods import Resolution

Every = Literal["hour", "day", "week", "month"]
Profile = Literal["base", "peak", "off-peak"]
Span = tuple[datetime, datetime]

_DAY: Final = timedelta(days=1)
_HOURS: Final = Resolution.parse("PT1H")
_HOUR: Final = timedelta(hours=1)
_DAYS: Final = {"hour": 0, "day": 1, "week": 7, "month": 1}


def starting(start: datetime, end: datetime, every: Every, zone: ZoneInfo) -> Iterator[Span]:
    """The hours, days, weeks (from Monday) or months that begin in [start, end), each whole, in order."""
    day = _first(start.astimezone(zone).date(), every)
    while (begin := periods.midnight(day, zone)) < end:
        following = _next(day, every)
        if every == "hour":
            for hour in periods.day(day, _HOURS, zone):
                if start <= hour[0] < end:
                    yield hour
        elif begin >= start:
            yield begin, periods.midnight(following, zone)
        day = following


def around(at: datetime, every: Every, zone: ZoneInfo) -> Span:
    """The whole hour, day, week or month within which an instant lies: it begins at `at` or before."""
    day = at.astimezone(zone).date()
    first = periods.midnight(_first(day, every), zone)
    last = periods.midnight(_next(_first(day, every), every), zone)
    found = starting(first, max(last, at + _HOUR), every, zone)
    return next(span for span in found if span[0] <= at < span[1])


def edges(span: Span, zone: ZoneInfo) -> list[datetime]:
    """Where the local days of a span begin, and where the last one ends."""
    days = list(starting(*span, "day", zone))
    return [*(begin for begin, _ in days), *(end for _, end in days[-1:])]


def parts(span: Span, profile: Profile, peak: Peak, zone: ZoneInfo) -> list[Span]:
    """The parts of a span that belong to the profile, in order; none may."""
    start, end = span
    if profile == "base":
        return [span]
    peaks: list[Span] = []
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        # A day that the zone skipped has no hours: it ends where it begins.
        if peak.on(day) and periods.midnight(day, zone) < periods.midnight(day + _DAY, zone):
            # The offset of before the change, of a time that its day lacks or has twice.
            begin, stop = (datetime.combine(day, at, zone).astimezone(UTC) for at in (peak.start, peak.end))
            if (begin := max(begin, start)) < (stop := min(stop, end)):
                peaks.append((begin, stop))
        day += _DAY
    if profile == "peak":
        return peaks
    edges = [start, *(edge for one in peaks for edge in one), end]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def divides(resolution: Resolution, every: Every, profile: Profile) -> bool:
    """Whether periods of a resolution fill such parts of time, none reaching into the next.

    Clock periods as days of 24 hours have them: a day of 23 may still cut one, as one that does not begin
    with the day.
    """
    if resolution.clock is not None:
        whole = _HOUR if profile != "base" or every == "hour" else _DAY
        return bool(resolution.clock) and not whole % resolution.clock
    if profile != "base":
        return False
    if resolution.months:
        return every == "month" and resolution.months == 1
    return resolution.days <= _DAYS[every] and not _DAYS[every] % resolution.days


def _first(day: date, every: Every) -> date:
    if every == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == "month" else day


def _next(day: date, every: Every) -> date:
    if every == "week":
        return day + 7 * _DAY
    if every == "month":
        return (day.replace(day=28) + 4 * _DAY).replace(day=1)
    return day + _DAY
