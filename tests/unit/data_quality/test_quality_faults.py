"""The rules together on prices that are made here: each kind of fault is found, and what is right is not.

The thresholds were chosen on real prices (docs/quality.md); this keeps them from breaking. `make bench
PARTS=quality` has the figures.
"""

from __future__ import annotations

import pytest

from tests import faults
from workloads.kit.contracts.quality import QualityRule

DAYS = 420


@pytest.fixture(scope="module")
def untouched() -> faults.Days:
    return faults.points(faults.FIRST, faults.made(DAYS, 3), 3)


def test_of_untouched_hours_fewer_than_one_in_a_hundred_are_flagged(untouched: faults.Days) -> None:
    found = faults.watch(untouched)
    assert sum(one.rows for one in found) < 0.01 * 24 * DAYS, found


def test_real_extremes_that_last_are_no_spikes(untouched: faults.Days) -> None:
    """A night down to -222 and an evening up to 210 EUR/MWh, as Germany had, come and go over hours."""
    days = [list(day) for day in untouched]
    night = [-60.0, -150.0, -222.0, -200.0, -120.0, -40.0]
    evening = [120.0, 180.0, 210.0, 175.0, 110.0]
    for hour, value in enumerate(night, start=1):
        days[200][hour] = days[200][hour]._replace(value=value)
    for hour, value in enumerate(evening, start=17):
        days[250][hour] = days[250][hour]._replace(value=value)
    marked = {day[0].start.date() for day in (days[200], days[250])}
    assert not [one for one in faults.watch(days) if one.start.date() in marked]


@pytest.mark.parametrize("kind", faults.FAULTS)
def test_of_each_kind_nineteen_in_twenty_are_found(untouched: faults.Days, kind: QualityRule) -> None:
    laid = found = 0
    for seed in range(5 if kind == "drift" else 2):
        days, there = faults.lay(kind, untouched, seed)
        laid += len(there)
        found += faults.found(there, faults.watch(days))
    assert laid >= 12
    assert found >= 0.95 * laid
