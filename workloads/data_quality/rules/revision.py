"""duplicate: the same value of the same period again, which is no revision."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from workloads.data_quality.rules.finding import Finding, Point

Novelty = Literal["new", "revision", "duplicate"]

KEPT: Final = timedelta(days=60)
"""How long before its newest period a series' values are remembered, and at least the newest `LEAST`."""
LEAST: Final = 400


class Seen:
    """What holds for each period: the value, and when it was published."""

    def __init__(self) -> None:
        self._held: dict[datetime, tuple[float, datetime]] = {}
        self._many = 2 * LEAST

    def take(self, point: Point) -> Novelty:
        """A `revision` says another value, or was published later and marked as a correction."""
        held = self._held.get(point.start)
        if held is None:
            self._held[point.start] = (point.value, point.published)
            return "new"
        value, published = held
        if point.value == value and (point.published == published or not point.correction):
            return "duplicate"
        if point.published >= published:
            self._held[point.start] = (point.value, point.published)
        return "revision"

    def forget(self, before: datetime) -> None:
        """Let go of what is older than `KEPT` before an instant, now and then."""
        if len(self._held) < self._many:
            return
        old = before - KEPT
        newest = dict(list(self._held.items())[-LEAST:])
        self._held = {start: held for start, held in self._held.items() if start >= old} | newest
        self._many = 2 * len(self._held)


def duplicate(point: Point) -> Finding:
    return Finding(
        "duplicate",
        point.start,
        point.end,
        1,
        point.value,
        "a period once, and again only with another value or as a correction",
        "the same value of the same period came before",
        "nothing is wrong downstream, where the last one holds; see why its source sends it again",
    )
