"""sign: a day whose values all have the wrong sign, so that its peaks are where its valleys are.

A day of truly negative prices has the swings of a day: it fits no better when it is turned over.
"""

from __future__ import annotations

from typing import Final

GAIN: Final = 1.0
"""By how much the cost has to fall; chosen as docs/quality.md says."""


def turned(misfit: float, misfit_turned: float) -> float | None:
    """By how much a day fits better turned over, where that is enough.

    Args:
        misfit: the day's cost as it stands.
        misfit_turned: that of its mirror image.
    """
    gain = misfit - misfit_turned
    return gain if gain > GAIN else None
