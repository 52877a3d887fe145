"""stale: a series whose next publication is overdue by the clock, though no message says so.

When the next one is due follows from the past: the newest `published_at`, the usual time between two
publications, and the usual way from there into the topic. What is loaded long after it was published says
nothing of that way; a series that was only ever loaded so is not waited for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workloads.data_quality.rules.median import centre_and_width
from workloads.kit.periods import Resolution

WINDOW: Final = 28
LEAST: Final = 3
LIVE: Final = timedelta(days=2)
"""The longest way into the topic of what is live."""
GRACE: Final = timedelta(hours=2)
"""More than an hour, which a clock that goes back adds to a day's publication."""
REST: Final = timedelta(days=5)
"""Grace of daily series: week-ends and holidays have no publication."""
CALENDAR_GRACE: Final = timedelta(days=20)
DORMANT: Final = timedelta(days=30)
"""A series that is overdue for longer has ended, and is no longer told of."""
_DEVIATIONS: Final = 6.0


class Rhythm:
    """When a series is published, and how long that takes to be here."""

    def __init__(self, resolution: Resolution) -> None:
        if resolution.clock is not None:
            self._grace = GRACE
        else:
            self._grace = REST if resolution.days == 1 else CALENDAR_GRACE
        self._published: datetime | None = None
        self._between: list[float] = []
        self._ways: list[float] = []

    def take(self, published: datetime, arrived: datetime) -> None:
        """The next message of the series, in the topic's order."""
        if (before := self._published) is not None:
            if published <= before:
                return
            self._between.append((published - before).total_seconds())
            del self._between[:-WINDOW]
        self._published = published
        if arrived - published <= LIVE:
            self._ways.append(max(0.0, (arrived - published).total_seconds()))
            del self._ways[:-WINDOW]
        else:
            self._ways.clear()

    def due(self) -> datetime | None:
        """When the next one is to be here at the latest; None where nothing is waited for."""
        if self._published is None or len(self._between) < LEAST or not self._ways:
            return None
        between, unsteady = centre_and_width(self._between)
        way, uneven = centre_and_width(self._ways)
        spread = timedelta(seconds=_DEVIATIONS * (unsteady + uneven))
        return self._published + timedelta(seconds=between + way) + max(self._grace, spread)

    def last(self) -> datetime | None:
        """The newest `published_at`."""
        return self._published


def overdue(due: datetime | None, now: datetime) -> timedelta | None:
    """By how much; None where it is not, or has been so long that the series has ended."""
    if due is None or now <= due or now - due > DORMANT:
        return None
    return now - due
