"""How long the delivery periods of a resolution are, whatever the zone."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache


@lru_cache(maxsize=1024)
def lengths(resolution: str) -> tuple[timedelta, timedelta]:
    """The shortest and the longest period that a resolution has in any zone.

    Of the clock a period is as long as it says, or shorter where it is the last of a day that does not hold
    a whole number of them; clocks change by half an hour or more, so none of half an hour or less is. Of the
    calendar a day is up to two hours longer or shorter (Troll's clock changes by two), and a longer period
    may miss a day (Samoa had no 30th of December 2011).
    """
    number, unit = int(resolution[1:-1].lstrip("T")), resolution[-1]
    if "T" in resolution:
        clock = number * {"S": timedelta(seconds=1), "M": timedelta(minutes=1), "H": timedelta(hours=1)}[unit]
        return (clock if clock <= timedelta(minutes=30) else timedelta(microseconds=1)), clock
    fewest, most = {"D": (1, 1), "W": (7, 7), "M": (28, 31), "Y": (365, 366)}[unit]
    slack = timedelta(hours=2) if unit == "D" else timedelta(days=1, hours=2)
    return timedelta(days=number * fewest) - slack, timedelta(days=number * most) + slack
