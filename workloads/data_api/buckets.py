"""Hours, days, weeks and months of a time zone, and which parts of them are base, peak and off-peak.

All in UTC, [start, end). A local day has 23 to 25 hours; the local clock is asked for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from workloads.data_api.markets import Peak
from workloads.kit import periods
from workloads.kit.periods import Resolution

Every = Literal["hour", "day", "week", "month"]
Profile = Literal["base", "peak", "off-peak"]
Span = tuple[datetime, datetime]

_DAY: Final = timedelta(days=1)
_HOURS: Final = Resolution.parse("PT1H")
_CLOCK: Final = {"hour": timedelta(hours=1), "day": _DAY, "week": 7 * _DAY, "month": 28 * _DAY}
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


def parts(span: Span, profile: Profile, peak: Peak, zone: ZoneInfo) -> list[Span]:
    """The parts of a span that belong to the profile, in order; none may."""
    start, end = span
    if profile == "base":
        return [span]
    peaks: list[Span] = []
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        if day.weekday() in peak.weekdays:
            begin, stop = (
                periods.instant(datetime.combine(day, at), zone, second=False)
                for at in (peak.start, peak.end)
            )
            if (begin := max(begin, start)) < (stop := min(stop, end)):
                peaks.append((begin, stop))
        day += _DAY
    if profile == "peak":
        return peaks
    edges = [start, *(edge for one in peaks for edge in one), end]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def divides(resolution: Resolution, every: Every, profile: Profile) -> bool:
    """Whether periods of a resolution lie within such parts of time, none longer than they are."""
    if resolution.clock is not None:
        longest = _CLOCK["hour"] if profile != "base" else _CLOCK[every]
        return timedelta(0) < resolution.clock <= longest
    if profile != "base":
        return False
    if resolution.months:
        return every == "month" and resolution.months == 1
    return resolution.days <= _DAYS[every]


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
