"""How the thresholds of the rules were chosen: what was tried on days up to 2014, and what it found.

`python -m tests.bench.quality.choice FILE [RULE…]` prints each rule's candidates, those of the other rules as
they stand, and which one is chosen: of those that flag no more of the untouched hours than
`faults.FLAGGED` allows and find no more than `GIVEN_UP` less than the best of them, the strictest. Nothing
after 2014 is looked at.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple
from unittest.mock import patch

import numpy as np

from tests import faults
from tests.bench.power import sets
from tests.bench.quality.part import CHOSEN_UNTIL
from workloads.data_quality.rules import drift, shift, sign, spike, unit
from workloads.kit.contracts.quality import QualityRule

GIVEN_UP: Final = 0.01
"""Share of the faults that is given up for a threshold further from what is right: other years are other."""
_ROUNDS: Final[Mapping[QualityRule, int]] = {"drift": 8, "shift": 6}
_OTHERS: Final = 3

Settings = Mapping[str, float]
"""Constant of the rule's module -> value."""

_GRIDS: Final[Mapping[QualityRule, tuple[ModuleType, Mapping[str, Sequence[float]]]]] = {
    "spike": (spike, {"LIMIT": (6.0, 8.0, 10.0, 12.0), "SUDDEN": (1.0, 2.0, 3.0, 4.0)}),
    "unit": (unit, {"GAIN": (2.5, 2.0, 1.5, 1.0)}),
    "sign": (sign, {"GAIN": (2.5, 2.0, 1.5, 1.0)}),
    "shift": (shift, {"ALLOWANCE": (0.1, 0.07, 0.04, 0.02), "LIMIT": (1.2, 1.0, 0.9, 0.8, 0.7)}),
    "drift": (drift, {"DELTA": (0.5, 1.0, 1.5), "LIMIT": (10.0, 14.0, 18.0)}),
}


class Tried(NamedTuple):
    """Of one candidate: how many of the faults laid it found, and how many untouched hours it flagged."""

    settings: Settings
    found: int
    laid: int
    flagged: int


@contextmanager
def _set(module: ModuleType, settings: Settings) -> Iterator[None]:
    with ExitStack() as stack:
        for name, value in settings.items():
            stack.enter_context(patch.object(module, name, value))
        yield


def tried(rule: QualityRule, days: faults.Days) -> Iterator[Tried]:
    """Each candidate of a rule on the days."""
    module, grid = _GRIDS[rule]
    laid = [faults.lay(rule, days, seed) for seed in range(_ROUNDS.get(rule, _OTHERS))]
    for values in itertools.product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        with _set(module, settings):
            found = sum(faults.found(there, faults.watch(changed)) for changed, there in laid)
            flagged = sum(one.rows for one in faults.watch(days) if one.rule == rule)
        yield Tried(settings, found, sum(len(there) for _, there in laid), flagged)


def chosen(candidates: Sequence[Tried], most: float) -> Tried:
    """The one to take, by the rule above, of so many hours flagged at most; where all flag more, the one that
    flags the least."""
    calm = [one for one in candidates if one.flagged <= most]
    if not calm:
        return min(candidates, key=lambda one: one.flagged)
    best = max(one.found for one in calm)
    good = [one for one in calm if one.found >= best - GIVEN_UP * one.laid]
    return min(good, key=lambda one: (one.flagged, one.found))


def main(file: str, rules: Sequence[str]) -> None:
    data = sets.read(Path(file))
    count = int(np.searchsorted(data.days.dates, CHOSEN_UNTIL))
    first = datetime.fromisoformat(str(data.days.dates[0])).replace(tzinfo=UTC)
    days = faults.points(first, np.nan_to_num(data.days.prices[:count]).tolist())
    hours = sum(map(len, days))
    print(f"{count} days from {first:%Y-%m-%d} on, {hours} hours")
    for rule in _GRIDS:
        if rules and rule not in rules:
            continue
        candidates = list(tried(rule, days))
        best = chosen(candidates, faults.FLAGGED[rule] * hours)
        for one in candidates:
            said = ", ".join(f"{name} {value:g}" for name, value in one.settings.items())
            mark = "  <- chosen" if one is best else ""
            print(
                f"{rule:6} {said:28} found {one.found} of {one.laid}"
                f" ({one.found / one.laid:.1%}), flagged {one.flagged} hours{mark}",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(_GRIDS):
        sys.exit(f"usage: python -m tests.bench.quality.choice FILE [{'|'.join(_GRIDS)}]…")
    main(sys.argv[1], sys.argv[2:])
