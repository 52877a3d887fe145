"""The rules together on prices that are made here: each kind of fault is found, and what is right is not.

The thresholds were chosen on real prices (docs/quality.md); this keeps them from breaking. `make bench
PARTS=quality` has the figures. All that is drawn is drawn from these seeds: a run is like another.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import chain
from typing import Final

import pytest

from tests import faults
from workloads.data_quality.rules.finding import Finding
from workloads.kit.contracts.quality import QualityRule

DAYS: Final = 420
SEEDS: Final = range(1, 9)
"""Of the series that are left untouched; faults are laid over the first four, drifts, of which few fit into a
year, four times."""
CERTAIN: Final = {"gap", "duplicate", "stuck", "late"}
"""Rules that count or compare, and so promise every fault of their kind that is laid; others weigh."""


@pytest.fixture(scope="module")
def untouched() -> list[faults.Days]:
    return [faults.points(faults.FIRST, faults.made(DAYS, seed), seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def wrongly(untouched: list[faults.Days]) -> list[list[Finding]]:
    """What is said of each."""
    return [faults.watch(days) for days in untouched]


def test_of_untouched_hours_all_rules_together_flag_no_more_than_is_allowed_and_those_that_count_none(
    wrongly: list[list[Finding]],
) -> None:
    """Thresholds are chosen on real prices, by rule; days that are made wander more: here the sum counts."""
    hours = Counter[QualityRule]()
    for one in chain.from_iterable(wrongly):
        hours[one.rule] += one.rows
    assert set(hours) <= set(faults.FLAGGED)
    assert sum(hours.values()) <= sum(faults.FLAGGED.values()) * 24 * DAYS * len(SEEDS)


NIGHT = (1, [-60.0, -150.0, -222.0, -200.0, -120.0, -40.0])
EVENING = (17, [120.0, 180.0, 210.0, 175.0, 110.0])
PEAK = (16, [70.0, 110.0, 170.0, 210.0, 160.0, 100.0])


@pytest.mark.parametrize(("first", "values"), [NIGHT, EVENING, PEAK])
def test_real_extremes_that_last_are_no_fault(
    untouched: list[faults.Days], wrongly: list[list[Finding]], first: int, values: list[float]
) -> None:
    """A night down to -222 and an evening up to 210 EUR/MWh, as Germany had, come and go over hours."""
    for series, usual in zip(untouched, wrongly, strict=True):
        days = list(series)
        days[200] = list(days[200])
        for hour, value in enumerate(values, start=first):
            days[200][hour] = days[200][hour]._replace(value=value)
        assert [one for one in faults.watch(days) if one.rule != "shift" and one not in usual] == []


def test_the_top_of_a_peak_is_no_spike_and_an_hour_as_high_by_itself_is(untouched: list[faults.Days]) -> None:
    def spikes(values: list[float]) -> list[datetime]:
        found: list[datetime] = []
        for series in untouched:
            days = list(series)
            days[200] = list(days[200])
            for hour, value in enumerate(values, start=16):
                days[200][hour] = days[200][hour]._replace(value=days[200][hour].value + value)
            found += [one.start for one in faults.watch(days) if one.rule == "spike"]
        return found

    top = untouched[0][200][18].start
    assert spikes([50.0, 100.0, 150.0, 100.0, 50.0]) == []
    assert spikes([0.0, 0.0, 150.0, 0.0, 0.0]) == [top] * len(SEEDS)


@pytest.mark.parametrize("kind", faults.FAULTS)
def test_of_each_kind_all_are_found_or_as_many_as_was_asked_when_the_thresholds_were_chosen(
    untouched: list[faults.Days], kind: QualityRule
) -> None:
    laid = 0
    missed: list[tuple[int, faults.Fault]] = []
    for number, series in enumerate(untouched[:4]):
        for round_ in range(4 if kind == "drift" else 2):
            days, there = faults.lay(kind, series, 10 * number + round_)
            found = faults.watch(days)
            laid += len(there)
            missed += [(number, one) for one in there if not faults.found([one], found)]
    assert laid >= 40
    assert len(missed) <= (0 if kind in CERTAIN else (1 - faults.FOUND) * laid), missed
