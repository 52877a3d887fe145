"""What a library gave: numbers of delivery periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from workloads.kit import periods


class Point(NamedTuple):
    """One number of a delivery period [start, end), in UTC.

    Args:
        of: symbol of a price, or name of an indicator.
        amount: None where the market has none for the period.
    """

    start: datetime
    end: datetime
    of: str
    amount: float | None


class Partly(Exception):
    """Part of an answer is not believed.

    Args:
        points: what is believed.
        refused: what is not, and why.
    """

    def __init__(self, points: Sequence[Point], refused: Sequence[str]) -> None:
        super().__init__("; ".join(refused))
        self.points = points


@dataclass(frozen=True, slots=True)
class Days:
    """Local days of a market, from `first` up to `last`, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """When the first begins, in UTC."""
        return periods.midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """When the last is over, in UTC."""
        return periods.midnight(self.last + timedelta(days=1), self.zone)

    @property
    def each(self) -> list[date]:
        """All of them, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def split(self, days: int) -> list[Days]:
        """In order, at most so many days each."""
        starts = range(0, (self.last - self.first).days + 1, days)
        firsts = [self.first + timedelta(days=n) for n in starts]
        return [Days(day, min(day + timedelta(days=days - 1), self.last), self.zone) for day in firsts]


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The local day that an instant is of."""
    return instant.astimezone(zone).date()


def at(day: date, local: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time; the later one of a time that the clock shows twice, or skips."""
    naive = datetime.combine(day, local)
    known = periods.instants(naive, zone)
    return known[-1] if known else naive.replace(tzinfo=zone)
