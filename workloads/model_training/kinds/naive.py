"""The usual baseline of power: yesterday's hour, last week's on Monday, Saturday and Sunday."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workloads.kit.power.days import Days
from workloads.kit.windows import Floats

_LIKE_LAST_WEEK: Final = frozenset({0, 5, 6})


@dataclass(frozen=True, slots=True)
class Naive:
    name: str = "naive"
    window: int = 7
    every: int = 1

    def fit(self, past: Days) -> Naive:  # noqa: ARG002 there is nothing to learn
        return self

    def predict(self, known: Days) -> Floats:
        back = 7 if known.weekdays[-1] in _LIKE_LAST_WEEK else 1
        return known.tail(8).filled().prices[-1 - back]
