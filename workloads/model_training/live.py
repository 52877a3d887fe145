"""Whether a champion's live record is worse than chance makes it, judged by what its own leads are like.

Leads over the baseline follow one another and are skewed: a model that is mostly a little worse and seldom
far better is as good as the baseline, and four weeks without one of its good days look like a fall to any
test that takes the mean for normal. So the statistic is Student's, with the variance that days in a row ask
for, and what it may come to is drawn from the days before those that are judged, moved to have no lead: a
circular block bootstrap of a studentised mean (Politis, Romano 1992; Götze, Künsch 1996, Annals of Statistics
24). A single look is at a share of the level that a year of looks may err by.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from workloads.kit.windows import Floats
from workloads.model_training.promotion import FEWEST, studentised

WEEK: Final = 7
"""Days of a block: what days bear on one another, and on their weekday, stays within it."""

DRAWS: Final = 1999
"""Records without a lead that are drawn. The least p-value is one over one more than these."""

_SEED: Final = 20_261_127
_YEAR: Final = 365


def level_of_a_look(level: float, every: int) -> float:
    """What a look each `every` days may err by, for a year of them to err by `level` at most (Bonferroni)."""
    return level * every / _YEAR


def p_value(live: Floats, before: Floats) -> float:
    """Of "no worse than the baseline": the share of records without a lead that look as bad as this one.

    The same for the same days. 1 where either has too few days to say.

    Args:
        live: leads a day, loss of the baseline less the champion's, of the days that are judged.
        before: leads of days before these, forecast as the live ones were; NaN where a day had no price.
    """
    live, before = live[np.isfinite(live)], before[np.isfinite(before)]
    if len(live) < FEWEST or len(before) < FEWEST:
        return 1.0
    away = before - before[0]  # of days that are all alike nothing is left, to the last bit
    as_low = studentised(_drawn(away - away.mean(), len(live))) <= studentised(live)
    return (1 + int(as_low.sum())) / (1 + DRAWS)


def _drawn(days: Floats, count: int) -> Floats:
    """Records of `count` days, (DRAWS, count), made of weeks of these, whose first follows their last."""
    starts = np.random.default_rng(_SEED).integers(0, len(days), (DRAWS, math.ceil(count / WEEK), 1))
    places = (starts + np.arange(WEEK)) % len(days)
    return days[places].reshape(DRAWS, -1)[:, :count]
