"""Local days of a market and their hours: which of them are peak, and where each is on the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from workloads.kit import periods
from workloads.kit.markets import Peak
from workloads.kit.windows import Floats

Profile = Literal["base", "peak", "off-peak"]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_DAY: Final = timedelta(days=1)
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Grid:
    """D local days in a row and their H hours, in order.

    Args:
        edges: seconds since 1970 at which each day begins, and at which the last ends; shape (D + 1,).
        starts: seconds since 1970 at which each hour begins; shape (H,).
        day: number of the day, from 0, of each hour; shape (H,).
        clock: local hour of the clock, 0 to 23, of each hour; shape (H,).
        peak: which hours are of peak load; shape (H,).
    """

    zone: ZoneInfo
    first: date
    edges: Ints
    starts: Ints
    day: Ints
    clock: Ints
    peak: Bools

    @classmethod
    def of(cls, first: date, after: date, zone: ZoneInfo, peak: Peak) -> Grid:
        """The days [first, after).

        Raises:
            ValueError: there is no day, or one that the clock makes no whole number of hours long.
        """
        dates = [first + number * _DAY for number in range((after - first).days)]
        if not dates:
            raise ValueError(f"no day from {first} to before {after}: give a later end")
        edges = _seconds([periods.midnight(one, zone) for one in [*dates, after]])
        lengths = np.diff(edges)
        if np.any(lengths % _HOUR):
            uneven = dates[int(np.flatnonzero(lengths % _HOUR)[0])]
            raise ValueError(f"{uneven} has no whole number of hours in {zone.key}: give another time zone")
        hours = lengths // _HOUR
        day = np.repeat(np.arange(len(dates)), hours)
        starts: Ints = np.arange(int(edges[0]), int(edges[-1]), _HOUR, dtype=np.int64)
        clock: Ints = (starts - edges[day]) // _HOUR
        for changed in np.flatnonzero(hours != 24):
            of = np.flatnonzero(day == changed)
            clock[of] = [datetime.fromtimestamp(int(one), zone).hour for one in starts[of]]
        busy = [one for one in dates if peak.on(one)]
        begins, ends = (_seconds([_at(one, at, zone) for one in busy]) for at in (peak.start, peak.end))
        within = np.searchsorted(begins, starts, "right") - np.searchsorted(ends, starts, "right") > 0
        return cls(zone, first, edges, starts, day, clock, within)

    @property
    def days(self) -> int:
        """D."""
        return len(self.edges) - 1

    def has(self, profile: Profile) -> Bools:
        """Which hours a profile has; shape (H,)."""
        if profile == "base":
            return np.ones(len(self.starts), dtype=np.bool_)
        return self.peak if profile == "peak" else ~self.peak

    def per_day(self, hours: Bools) -> Floats:
        """How many of the hours that are true each day has; shape (D,)."""
        return np.bincount(self.day, weights=hours, minlength=self.days).astype(np.float64)

    def within(self, first: date, after: date, profile: Profile) -> Bools:
        """Which hours are of a profile and of the days [first, after); shape (H,)."""
        low, high = ((one - self.first).days for one in (first, after))
        return self.has(profile) & (self.day >= low) & (self.day < high)


def _at(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _seconds(times: list[datetime]) -> Ints:
    return np.array([int(one.timestamp()) for one in times], dtype=np.int64)
