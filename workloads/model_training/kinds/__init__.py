"""Model kinds for day-ahead prices, one module each, behind one small interface.

A kind forecasts the median of each period of a day; the quantiles come from the errors that its forecasts of
past days really had (`intervals.py`), the same way for every kind.
"""

from __future__ import annotations

from typing import Protocol

from workloads.kit.power.days import Days
from workloads.kit.windows import Floats


class TooShort(Exception):
    """The history has too few complete days for a kind."""


class Model(Protocol):
    """What a kind has learned."""

    def predict(self, known: Days) -> Floats:
        """The prices of the last day of `known`, whose own are not looked at: shape (H,)."""
        ...


class Kind(Protocol):
    """A way to forecast."""

    @property
    def name(self) -> str: ...

    @property
    def window(self) -> int:
        """Days that it learns from, at most: the fewest of those it is given are the first to be too few."""
        ...

    @property
    def every(self) -> int:
        """Days from one calibration to the next."""
        ...

    def fit(self, past: Days) -> Model:
        """Learn from days whose prices are known, the oldest first.

        Raises:
            TooShort: there are too few of them.
        """
        ...
