"""drift: a level that creeps away from what it was, by the test of Page and Hinkley on daily means.

E. S. Page, Continuous inspection schemes, Biometrika 41 (1954); D. V. Hinkley, Inference about the
change-point from cumulative sum tests, Biometrika 58 (1971). A day's mean is put into deviations from the
median of the `WINDOW` days before it, cut at `CUT` so that one odd day is none; the test sums how far it is
beyond `DELTA` on one side, and alarms where the sum has risen by more than `LIMIT` above its least.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from workloads.data_quality.rules.median import centre_and_width

WINDOW: Final = 56
LEAST: Final = 28
CUT: Final = 4.0
DELTA: Final = 1.0
LIMIT: Final = 14.0


class Drifted(NamedTuple):
    """Whether the level went `up`, what it was, what it is, and the sum that decided."""

    up: bool
    was: float
    now: float
    total: float


class PageHinkley:
    """Of one side. `take` says whether the test has just alarmed; it then starts anew."""

    def __init__(self) -> None:
        self.total = 0.0
        self._least = 0.0

    def take(self, z: float) -> float | None:
        self.total += z - DELTA
        self._least = min(self._least, self.total)
        risen = self.total - self._least
        if risen <= LIMIT:
            return None
        self.total = self._least = 0.0
        return risen


class Drift:
    """Both sides of one series."""

    def __init__(self) -> None:
        self._levels: list[float] = []
        self._up = PageHinkley()
        self._down = PageHinkley()

    def take(self, level: float) -> Drifted | None:
        """The mean of the next day."""
        before = self._levels
        self._levels = [*before[-WINDOW + 1 :], level]
        if len(before) < LEAST:
            return None
        was, scale = centre_and_width(before)
        if scale <= 0.0:
            return None
        z = max(-CUT, min(CUT, (level - was) / scale))
        up, down = self._up.take(z), self._down.take(-z)
        total = up if up is not None else down
        return None if total is None else Drifted(up is not None, was, level, total)
