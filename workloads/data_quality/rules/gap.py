"""gap: periods that the delivery calendar has and the source left out.

Of resolutions below a day every period is delivered, so a local day has 23, 24 or 25 hours and each is
waited for. Daily prices rest at week-ends and holidays: up to `_REST` is no gap. Weeks, months and years
follow one another.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workloads.data_quality.rules.finding import Finding
from workloads.kit.periods import Resolution

_REST: Final = timedelta(days=5)
"""Longest pause of a daily series from the end of one session to the next: Easter with both its holidays, or
Christmas beside a week-end."""
_SLACK: Final = timedelta(hours=36)
"""By how much periods of weeks and more may miss each other: whoever labels them counts in their own zone."""


def gap(resolution: Resolution, last_end: datetime, start: datetime) -> Finding | None:
    """A finding where something is missing between the end of one period and the start of the next."""
    missing = start - last_end
    clock = resolution.clock
    if clock is not None:
        if not clock or missing < clock:  # instants have no calendar
            return None
        rows = missing // clock
    elif resolution.days == 1:
        if missing <= _REST:
            return None
        rows = missing.days
    else:
        if missing <= _SLACK:
            return None
        rows = max(1, missing.days // (resolution.days or 31 * max(resolution.months, 1)))
    return Finding(
        "gap",
        last_end,
        start,
        rows,
        None,
        f"a period of {resolution.text} from {last_end:%Y-%m-%dT%H:%MZ} on",
        f"{rows} missing until {start:%Y-%m-%dT%H:%MZ}",
        "run the pipeline over the day: what the source has by now is published",
    )
