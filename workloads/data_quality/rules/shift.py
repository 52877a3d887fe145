"""shift: days whose values are those of the hour before or after, as when a clock change was missed.

One day that fits its neighbours' hours better says little: days differ. A mistake in the clock stays until it
is mended, so what each day gains is summed (a one-sided CUSUM: Page, Continuous inspection schemes,
Biometrika 41, 1954), less `ALLOWANCE`, until the sum passes `LIMIT`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from workloads.data_quality.rules.shape import Usual
from workloads.kit.windows import Floats

ALLOWANCE: Final = 0.02
LIMIT: Final = 1.0
"""Of the mean cost by period; both chosen as docs/quality.md says."""


class Moved(NamedTuple):
    """`periods` is 1 where values stand a period too late, -1 where too early."""

    periods: int
    gain: float
    days: int


class Shift:
    """The sums, one a direction."""

    def __init__(self) -> None:
        self._sums = {1: 0.0, -1: 0.0}
        self._days = {1: 0, -1: 0}

    def take(self, day: Floats, usual: Usual) -> Moved | None:
        here, later, earlier = usual.moved(day)
        for way, cost in ((1, later), (-1, earlier)):
            total = max(0.0, self._sums[way] + here - cost - ALLOWANCE)
            self._sums[way] = total
            self._days[way] = self._days[way] + 1 if total > 0 else 0
            if total > LIMIT:
                found = Moved(way, total, self._days[way])
                self._sums = {1: 0.0, -1: 0.0}
                self._days = {1: 0, -1: 0}
                return found
        return None
