"""What a market's day and its peak hours are, where nobody says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final

from workloads.kit.contracts.markets import MARKETS

POWER: Final = "power"
"""Market of prices of power whose source names no other: of the middle of Europe."""


def nerc_holiday(day: date) -> bool:
    """Whether a day is one of the six that North America's power markets count as off-peak (NERC's additional
    off-peak days). One with a date of its own that falls on a Sunday is kept on the Monday after."""
    if (day.month, day.day) in _OF_A_DATE:
        return day.weekday() != _SUNDAY
    eve = day - timedelta(days=1)
    if (eve.month, eve.day) in _OF_A_DATE and eve.weekday() == _SUNDAY:
        return True
    week = (day.day - 1) // 7 + 1
    memorial = day.month == 5 and day.weekday() == 0 and day.day > 24
    labor = day.month == 9 and day.weekday() == 0 and week == 1
    thanksgiving = day.month == 11 and day.weekday() == 3 and week == 4
    return memorial or labor or thanksgiving


_SUNDAY: Final = 6
_OF_A_DATE: Final = frozenset({(1, 1), (7, 4), (12, 25)})
"""New Year's Day, Independence Day, Christmas Day."""


def _none(_day: date) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Peak:
    """Hours of peak load [start, end), local, on `weekdays` (0 is Monday) that are no `holiday`."""

    weekdays: frozenset[int]
    start: time
    end: time
    holiday: Callable[[date], bool] = _none
    holidays: str = "as other days"
    """What holidays are, in words."""

    def on(self, day: date) -> bool:
        """Whether the day has peak hours."""
        return day.weekday() in self.weekdays and not self.holiday(day)


_MONDAY_TO_FRIDAY: Final = frozenset(range(5))
_MONDAY_TO_SATURDAY: Final = frozenset(range(6))


def _america(weekdays: frozenset[int], start: int, end: int) -> Peak:
    return Peak(weekdays, time(start), time(end), nerc_holiday, "NERC's six are off-peak")


DEFAULT_PEAK: Final = Peak(_MONDAY_TO_FRIDAY, time(8), time(20))
"""Of a market that is not in the table: that of the continent's exchanges, holidays included."""

PEAKS: Final[Mapping[str, Peak]] = {
    POWER: DEFAULT_PEAK,
    # Blocks 3 to 5 of the electricity forward agreement.
    "GB-INDEX": Peak(_MONDAY_TO_FRIDAY, time(7), time(19)),
    # 16 hours of working days: hours ending 8 to 23 in the east, 7 to 22 in the middle; MISO's tariff says
    # 7 to 22 by eastern standard time, which is the clock of its days.
    **dict.fromkeys(
        ("ISONE-HUB", "NYISO-NYC", "PJM-WESTERN-HUB", "IESO-ONTARIO"), _america(_MONDAY_TO_FRIDAY, 7, 23)
    ),
    **dict.fromkeys(("ERCOT-HB-NORTH", "MISO-INDIANA", "SPP-NORTH-HUB"), _america(_MONDAY_TO_FRIDAY, 6, 22)),
    # The west has Saturdays, too.
    "CAISO-SP15": _america(_MONDAY_TO_SATURDAY, 6, 22),
    "AESO-POOL": _america(_MONDAY_TO_SATURDAY, 7, 23),
}
"""market → its peak hours, as futures on it are settled."""

DEFAULT_ZONE: Final = "UTC"
"""Of a market of which nobody knows one."""

ZONES: Final[Mapping[str, str]] = {
    POWER: "Europe/Berlin",
    **{name: market.zone for name, market in MARKETS.items()},
}
"""market → IANA time zone of its days."""


def peak(market: str | None) -> Peak:
    """The market's peak hours."""
    return PEAKS.get(market or "", DEFAULT_PEAK)
