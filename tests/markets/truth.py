"""The prices that the stand-ins hold: made up, the same for every question, with all that prices may be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from workloads.kit.periods import Resolution, midnight
from workloads.kit.periods import day as periods_of


def price(name: str, start: datetime, revision: int = 0) -> float:
    """A price of a series: now and then negative or zero, and of another amount in each revision."""
    drawn = hashlib.sha256(f"{name} {start:%Y-%m-%dT%H:%MZ}".encode()).digest()
    cents = int.from_bytes(drawn[:3], "big") % 40_000 - 5_000
    return round((0 if drawn[3] < 8 else cents) / 100 + revision, 2)


@dataclass
class Market:
    """What one stand-in knows of a market.

    Args:
        missing: days of which it has nothing.
        revisions: day → how often its prices were changed.
        resolution: of days; `quarters_from` on, quarters of an hour; `fives_from` on, five minutes.
        until: the last day that is published; None: every day.
    """

    zone: ZoneInfo
    resolution: str = "PT1H"
    quarters_from: date | None = None
    fives_from: date | None = None
    missing: set[date] = field(default_factory=set[date])
    revisions: Mapping[date, int] = field(default_factory=dict[date, int])
    until: date | None = None

    def day(self, name: str, day: date) -> list[tuple[datetime, datetime, float]]:
        """(start, end, price) of a local day; nothing where it has none."""
        if not self.has(day):
            return []
        length = self.length(day)
        revision = self.revisions.get(day, 0)
        return [
            (start, end, price(name, start, revision)) for start, end in periods_of(day, length, self.zone)
        ]

    def has(self, day: date) -> bool:
        """Whether it has anything of a local day."""
        return day not in self.missing and (self.until is None or day <= self.until)

    def length(self, day: date) -> Resolution:
        """Of the periods of a day."""
        if self.fives_from is not None and day >= self.fives_from:
            return Resolution.parse("PT5M")
        quarters = self.quarters_from is not None and day >= self.quarters_from
        return Resolution.parse("PT15M" if quarters else self.resolution)

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """Start and end of a local day, in UTC."""
        return midnight(day, self.zone), midnight(day + timedelta(days=1), self.zone)
