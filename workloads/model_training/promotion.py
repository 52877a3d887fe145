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

LAGS: Final = 14
"""Days that one day's lead is taken to bear on, at most: on real prices it does for two weeks."""

_ROUNDING: Final = 1e-20
"""Of a mean's square: a variance that is less is what sums of equal numbers leave."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean absolute errors a day, each of shape (n,), on days that no model had seen: of the candidate, the
    baseline, and the champion where there is one that it would replace."""

    ours: Floats
    baseline: Floats
    champion: Floats | None = None


def p_value(ours: Floats, theirs: Floats) -> float:
    """Of "ours is not better than theirs": the one-sided test of Diebold and Mariano on losses a day.

    A day that is easy or hard is followed by one alike, so that n days tell less than n: the variance of
    their mean is that of Newey and West (1987, Econometrica 55), with Bartlett's kernel. What that loses by
    few days is put right by its expectation under noise and by the freedom that leaves it, and what skewness
    does is taken out, so that the far tail holds too, which is where many symbols are judged. 1 where there
    are too few days, or nothing tells the two apart.
    """
    lead = theirs - ours
    lead = lead[np.isfinite(lead)]
    count = len(lead)
    if count < FEWEST or not lead.any():
        return 1.0
    return _tail(_unskewed(float(studentised(lead)), lead), 1.5 * count / _width(count))


def _unskewed(t: float, lead: Floats) -> float:
    """A studentised mean without what the skewness of its days bends it by: Hall's transformation (1992,
    Journal of the Royal Statistical Society B 54).

    Leads with few days that are far worse look better than they are until one of those comes. The other way
    nothing is made of it: of few days whose tails are heavy, their skewness is chance.
    """
    if not math.isfinite(t):
        return t
    count, away = len(lead), lead - lead.mean()
    skewness = float(np.mean(away**3) / np.mean(away**2) ** 1.5)
    mean = t / math.sqrt(count)
    bent = mean + skewness * mean**2 / 3 + skewness**2 * mean**3 / 27 + skewness / (6 * count)
    return min(t, math.sqrt(count) * bent)


def studentised(leads: Floats) -> Floats:
    """Each mean lead, of (..., n) days, over its own standard error: (...,). Infinite where all days are
    alike and not 0, and 0 where they are."""
    count = leads.shape[-1]
    mean = leads.mean(axis=-1)
    width = _width(count)
    variance = _long_run_variance(leads - mean[..., np.newaxis], width)
    variance = np.where(variance > _ROUNDING * mean**2, variance, 0.0)
    # Deviations are from the days' own mean, which takes this part off; the freedom is that of an estimate
    # whose kernel's square has the integral 2/3 (Priestley 1981, Spectral Analysis and Time Series, 6.2).
    share = width / count
    error = np.sqrt(variance / (1 - share + share**2 / 3) / count)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean == 0, 0.0, mean / error)


def _width(count: int) -> int:
    """One more than the lags of a variance of so many days."""
    return min(LAGS, count // 4) + 1


def _long_run_variance(deviations: Floats, width: int) -> Floats:
    """Newey and West's, by Bartlett's kernel, of series (..., n) with mean 0: (...,).

    As the mean square of sums of `width` days in a row, which it equals, and which cannot be below 0.
    """
    none = [(0, 0)] * (deviations.ndim - 1)
    so_far = np.cumsum(np.pad(deviations, [*none, (width, width - 1)]), axis=-1)
    sums = so_far[..., width:] - so_far[..., :-width]
    return np.square(sums).sum(axis=-1) / width / deviations.shape[-1]


def _tail(t: float, freedom: float) -> float:
    """Of Student's distribution above `t`: as a normal one's, by Wallace's transform (1959), which is off by
    less than 2 % of it up to t = 3 from the 5 degrees of freedom on that the fewest days have."""
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
