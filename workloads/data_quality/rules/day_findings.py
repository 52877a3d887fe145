"""What the rules over whole days say: unit, sign, shift and drift."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np

from workloads.data_quality.rules import sign
from workloads.data_quality.rules import unit as units
from workloads.data_quality.rules.drift import Drifted
from workloads.data_quality.rules.finding import Finding
from workloads.data_quality.rules.shape import Usual, with_changes
from workloads.data_quality.rules.shift import Moved, Shift
from workloads.kit.windows import Floats

_AT_SOURCE: Final = "compare it with its source; correct it there and run the pipeline over the day"


def of_day(start: datetime, end: datetime, day: Floats, usual: Usual, moves: Shift) -> list[Finding]:
    """What is wrong with a whole day, shape (s,): its unit or its sign, whichever explains it better, or its
    hours."""
    misfits = usual.misfits(np.vstack((day, -day, units.undone(day))))
    misfit, rows = float(misfits[0]), len(day)
    told = np.count_nonzero(with_changes(day[np.newaxis])) / len(usual.centre)
    slip = units.slip(misfit, misfits[2:], told)
    gain = sign.turned(misfit, float(misfits[1]))
    if slip is not None and (gain is None or slip.gain > gain):
        return [unit(start, end, rows, slip.factor, f"undone, it fits better by {slip.gain:.2f}")]
    if gain is not None:
        return [_sign(start, end, rows, day, usual, gain)]
    moved = moves.take(day, usual)
    return [] if moved is None else [_shift(start, end, rows, moved)]


def unit(start: datetime, end: datetime, rows: int, factor: float, evidence: str) -> Finding:
    """A day, or a single value, that is `factor` times what it should be."""
    return Finding(
        "unit",
        start,
        end,
        rows,
        None,
        f"values {1 / factor:g} times these, in the unit of those before",
        f"all {factor:g} times what is usual: {evidence}",
        "see which unit the source sends: put it right there, or make it a source of its own with its `unit`",
    )


def _sign(start: datetime, end: datetime, rows: int, day: Floats, usual: Usual, gain: float) -> Finding:
    return Finding(
        "sign",
        start,
        end,
        rows,
        float(day.mean()),
        f"values about {usual.level:.4g}, with peaks where days have peaks",
        f"turned over, the day fits better by {gain:.2f}; the limit is {sign.GAIN:g}",
        _AT_SOURCE,
    )


def _shift(start: datetime, end: datetime, rows: int, moved: Moved) -> Finding:
    way = "later" if moved.periods > 0 else "earlier"
    return Finding(
        "shift",
        start,
        end,
        rows,
        None,
        "peaks and valleys at the times of day of the days before",
        f"over {moved.days} days values fit a period {way} by {moved.gain:.2f}",
        "compare `time_zone` and `labels` of its source with what the source says, above all after a clock"
        " change",
    )


def drift(start: datetime, end: datetime, rows: int, drifted: Drifted) -> Finding:
    """A level that has crept away; told on the day on which that is certain."""
    return Finding(
        "drift",
        start,
        end,
        rows,
        drifted.now,
        f"daily means about {drifted.was:.4g}",
        f"crept {'up' if drifted.up else 'down'} to {drifted.now:.4g}; Page-Hinkley sum {drifted.total:.1f}",
        "see whether the market moved; release it if it did",
    )
