"""Which of many instruments' models are better than their rivals, with regard to how many were tried.

Of many symbols some pass a test at 5 % by luck alone. Benjamini and Hochberg (1995, Journal of the Royal
Statistical Society B 57) hold the share of such among those promoted, the false discovery rate, to what is
asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from workloads.kit.windows import Floats

FEWEST: Final = 28
"""Days below which no lead is told from luck."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean absolute errors a day, each of shape (n,), on days that no model had seen: of the candidate, the
    baseline, and the champion where there is one that it would replace."""

    ours: Floats
    baseline: Floats
    champion: Floats | None = None


def p_value(ours: Floats, theirs: Floats) -> float:
    """Of "ours is not better than theirs": the one-sided test of Diebold and Mariano on losses a day.

    With the correction of Harvey, Leybourne and Newbold (1997) for few days, so that its far tail holds too,
    which is where many symbols are judged. 1 where there are too few days, or nothing tells the two apart.
    """
    lead = theirs - ours
    lead = lead[np.isfinite(lead)]
    if len(lead) < FEWEST:
        return 1.0
    error = float(lead.std(ddof=1)) / len(lead) ** 0.5
    if error == 0:
        return 0.0 if lead[0] > 0 else 1.0
    return _tail(float(lead.mean()) / error, len(lead) - 1)


def _tail(t: float, freedom: int) -> float:
    """Of Student's distribution above `t`: as a normal one's, by Wallace's transform (1959), which is off by
    less than 2 % of it from 27 degrees of freedom on."""
    z = math.sqrt(freedom * math.log1p(t * t / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return math.erfc(math.copysign(z, t) / math.sqrt(2)) / 2


def worst(losses: Losses) -> float:
    """The p-value of "not better than all its rivals": the largest of them."""
    rivals = (losses.baseline,) if losses.champion is None else (losses.baseline, losses.champion)
    return max(p_value(losses.ours, rival) for rival in rivals)


def discoveries(p_values: Mapping[str, float], rate: float) -> frozenset[str]:
    """The names that pass, of all that were tried, with a false discovery rate of at most `rate`."""
    ordered = sorted(p_values, key=p_values.__getitem__)
    passed = [n for n, name in enumerate(ordered, 1) if p_values[name] <= rate * n / len(ordered)]
    return frozenset(ordered[: passed[-1]] if passed else ())
