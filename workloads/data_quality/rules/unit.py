"""unit: a day in another unit, all of it ten, a hundred or a thousand times too much or too little.

Both its level and its changes shrink or grow by the same factor, which no market day does: a day of low
prices keeps its swings. That values lie close together is evidence, too: a likelihood of the values counts
2 ln(factor) a period beside the cost, of which `WEIGHT` is taken, since values of a day are not independent.
A zero is as close to its neighbour in any unit, and is no such evidence: a day without wind is no slip.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from workloads.data_quality.rules.median import median
from workloads.kit.windows import Floats

FACTORS: Final = (10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)
"""EUR/MWh as ct/kWh is a tenth, as EUR/kWh a thousandth; cents, and kW and GW for MW are the others."""
WEIGHT: Final = 0.2
GAIN: Final = 1.5
"""By how much the cost has to fall; chosen as docs/quality.md says."""

_DIVISORS: Final = np.array(FACTORS)[:, np.newaxis]
_CLOSENESS: Final = WEIGHT * 2 * np.log(np.array(FACTORS))

LEAST_VALUES: Final = 14
"""Single values before which nothing is said of the next one."""
_NEAR: Final = 0.1
"""How near a power of ten a ratio has to be, in its logarithm."""
_STEADY: Final = 3.0
"""Greatest ratio among the last values of a series whose single values can be judged."""


class Slip(NamedTuple):
    """What all was multiplied by, and by how much the cost falls once that is undone."""

    factor: float
    gain: float


def undone(day: Floats) -> Floats:
    """The day, shape (s,), as it would be without each of `FACTORS`: shape (6, s)."""
    return day / _DIVISORS


def slip(misfit: float, misfits: Floats, told: float) -> Slip | None:
    """The factor that a day was multiplied by, if one explains it.

    Args:
        misfit: the day's cost as it stands.
        misfits: those of `undone`.
        told: the share of its values and changes that are not zero.
    """
    gains = misfit - misfits - told * _CLOSENESS
    best = int(gains.argmax())
    gain = float(gains[best])
    return Slip(FACTORS[best], gain) if gain > GAIN else None


def single(value: float, recent: list[float]) -> float | None:
    """The factor between a value and those before it, where it is a power of ten and they are steady.

    Args:
        recent: at least `LEAST_VALUES` of them, or nothing is said.
    """
    if len(recent) < LEAST_VALUES or value <= 0.0 or (least := min(recent)) <= 0.0:
        return None
    if max(recent) > _STEADY * least:
        return None
    decades = math.log10(value) - math.log10(median(recent))
    whole = round(decades)
    return 10.0**whole if 1 <= abs(whole) <= 3 and abs(decades - whole) < _NEAR else None
