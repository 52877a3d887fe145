"""Where a run is: who waits for one sees what it does, how far it is, and how long that has taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.points import Days, Point
from workloads.market_connectors.source import Ask

_log = structlog.get_logger(__name__)

_EVERY: Final = 10.0
"""Seconds between two lines of a run that asks."""
_STAYS_EVERY: Final = 60.0
"""Likewise of one that waits for what is published meanwhile."""


class Progress:
    """Args:
    feeds: that the run looks at.
    clock: seconds.
    """

    def __init__(self, feeds: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._feeds = feeds
        self._clock = clock
        self._began = clock()
        self._told = self._began
        self._looked = self._rows = self._questions = 0
        self._waits = False

    def begins(self, said: dict[str, object]) -> None:
        """Tell what the run is about to do."""
        _log.info("run_begins", feeds=self._feeds, **said)

    def looks(self) -> None:
        """A feed is looked at for the first time."""
        self._looked += 1

    def asking(self, ask: Ask) -> Ask:
        """The same, counted and told of."""

        def told(feed: Feed, days: Days) -> list[Point]:
            points = ask(feed, days)
            self._questions += 1
            self._rows += len(points)
            self._tell("asked", _EVERY, feed=feed.name, up_to=days.last.isoformat())
            return points

        return told

    def stays(self, left: float) -> None:
        """All that is due was asked for; the run waits for what is published in the `left` seconds."""
        self._tell("waits_for_publications", _STAYS_EVERY if self._waits else 0, ends_in_seconds=round(left))
        self._waits = True

    def _tell(self, event: str, every: float, **said: object) -> None:
        now = self._clock()
        if now - self._told < every:
            return
        self._told = now
        _log.info(
            event,
            **said,
            feed_number=self._looked,
            feeds=self._feeds,
            questions=self._questions,
            rows=self._rows,
            seconds=round(now - self._began, 1),
        )
