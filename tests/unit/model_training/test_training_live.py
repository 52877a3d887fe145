"""How often a champion is rolled back that is as good as its baseline, and how soon one that is not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds import WORLDS, losses
from workloads.kit.windows import Floats
from workloads.model_training import live
from workloads.model_training.promotion import FEWEST, Losses
from workloads.model_training.runs.model import WALKED
from workloads.model_training.runs.settings import ForecastSettings
from workloads.model_training.runs.standing import falls

SETTINGS = ForecastSettings.model_construct()
PROVEN, YEAR = 182, 364


def fell(leads: Floats) -> int | None:
    """Days after which a champion fell whose first PROVEN leads are of before it rose."""
    for days in range(SETTINGS.watch_days, len(leads) - PROVEN + 1, SETTINGS.watch_days):
        walked = losses(leads[: PROVEN + days])
        outcomes = np.stack([walked.ours, walked.baseline], axis=1)[PROVEN:]
        if falls(outcomes, walked, SETTINGS) is not None:
            return days
    return None


@pytest.mark.parametrize("world", ["skewed, days alike", "much skewed", "rarely far better"])
def test_of_champions_as_good_as_their_baseline_few_fall_within_a_year(world: str) -> None:
    """Student's test with a variance for days alike alone, at 1 % a look, lets 17 to 27 % of them fall."""
    draw, champions = np.random.default_rng(1), 80
    wrong = sum(fell(WORLDS[world](draw, PROVEN + YEAR)) is not None for _ in range(champions))
    # Were the stated chance just kept, more than this would come about once in a thousand.
    chance = SETTINGS.watch_level
    assert wrong <= champions * chance + 3.1 * (champions * chance * (1 - chance)) ** 0.5


@pytest.mark.parametrize("world", [world for world in WORLDS if world != "rarely far better"])
def test_one_that_turns_bad_after_half_a_good_year_falls_within_the_next_three_months(world: str) -> None:
    """Of one that lives from a day of twenty, three months say nothing."""
    draw = np.random.default_rng(2)
    turn = np.where(np.arange(PROVEN + YEAR) < PROVEN + 168, 1.0, -1.5)
    found = [fell(WORLDS[world](draw, PROVEN + YEAR) + turn) for _ in range(10)]
    assert sum(days is not None and 168 < days <= 168 + 112 for days in found) >= 9


def test_it_is_looked_at_each_month_of_outcomes_and_not_in_between() -> None:
    leads = np.random.default_rng(3).normal(0, 1, PROVEN + 56)
    leads[PROVEN:] -= 0.6
    assert looked_at(leads, 0, PROVEN, PROVEN + 27) is None
    verdicts = {looked_at(leads, 0, PROVEN, PROVEN + days) for days in range(28, 56)}
    # A p-value is of the days before, to the last digit.
    assert len(verdicts) == 1
    assert verdicts != {None}


def test_until_the_next_look_the_verdict_stays_where_the_oldest_day_walked_moves_on() -> None:
    leads = np.random.default_rng(6).normal(0, 1, 2 * WALKED)
    leads[WALKED:] -= 0.5
    newest = WALKED + SETTINGS.watch_newest_days
    verdicts = {looked_at(leads, newest + days - WALKED, WALKED, newest + days) for days in range(28)}
    assert len(verdicts) == 1
    assert verdicts != {None}


def looked_at(leads: Floats, first: int, since: int, until: int) -> str | None:
    """The verdict of a day, `until`, on the live days `since` one; `first` is the oldest that is walked."""
    known = losses(leads)
    walked = Losses(known.ours[first:until], known.baseline[first:until])
    outcomes = np.stack([known.ours, known.baseline], axis=1)[since:until]
    return falls(outcomes, walked, SETTINGS)


def test_the_days_that_are_judged_say_nothing_of_what_leads_are_like() -> None:
    """A champion that falls apart is judged by what it was like before it did."""
    draw = np.random.default_rng(4)
    good, apart = draw.normal(1, 1, PROVEN), draw.normal(-8, 30, 28)
    walked = losses(np.concatenate([good, apart]))
    outcomes = np.stack([walked.ours, walked.baseline], axis=1)[PROVEN:]
    changed = Losses(
        np.concatenate([walked.ours[:PROVEN], np.full(28, 1e6)]),
        np.concatenate([walked.baseline[:PROVEN], np.zeros(28)]),
    )
    assert falls(outcomes, walked, SETTINGS) == falls(outcomes, changed, SETTINGS)


def test_what_cannot_be_told_is_no_fall() -> None:
    bad, before = np.full(60, -1.0), np.random.default_rng(5).normal(0, 1, 60)
    assert live.p_value(bad[: FEWEST - 1], before) == 1.0
    assert live.p_value(bad, before[: FEWEST - 1]) == 1.0
    assert live.p_value(np.full(60, np.nan), before) == 1.0
    assert live.p_value(np.zeros(60), before) > 0.3


@pytest.mark.parametrize("before", [np.full(60, 0.1), np.zeros(60)])
def test_days_that_are_all_alike_to_the_last_bit_are_no_fault(before: Floats) -> None:
    assert live.p_value(np.full(60, -0.3), before) == pytest.approx(1 / (1 + live.DRAWS))
    assert live.p_value(np.full(60, 0.3), before) == 1.0
