"""What a market's day and its peak hours are, where nobody says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Final


@dataclass(frozen=True, slots=True)
class Peak:
    """Hours of peak load [start, end), local, on `weekdays` (0 is Monday). Holidays are as other days."""

    weekdays: frozenset[int]
    start: time
    end: time


_MONDAY_TO_FRIDAY: Final = frozenset(range(5))

PEAKS: Final[Mapping[str, Peak]] = {
    "power": Peak(_MONDAY_TO_FRIDAY, time(8), time(20)),
}
"""market → its peak hours."""

DEFAULT_PEAK: Final = PEAKS["power"]
"""Of a market that is not in the table."""

DEFAULT_ZONE: Final = "UTC"
"""Of a market of which the settings know none."""


def peak(market: str | None) -> Peak:
    """The market's peak hours."""
    return PEAKS.get(market or "", DEFAULT_PEAK)
