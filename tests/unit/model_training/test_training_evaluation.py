"""Splits that do not leak, skill that is what it says, intervals that hold what they promise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prices import walk
from workloads.kit.features import FeatureSpec
from workloads.model_training import evaluation
from workloads.model_training.dataset import Dataset, build
from workloads.model_training.prices import revisions
from workloads.model_training.settings import MOST_JUDGED, TrainingSettings

DAY = 86_400_000_000
SPEC = FeatureSpec(3, 6, (10,))


def dataset(
    count: int = 400, corrected: dict[int, int] | None = None, late: dict[int, int] | None = None
) -> Dataset:
    """Daily prices available a day later; `corrected` maps a day to the day of its correction, `late` one to
    the day on which it came."""
    prices = walk(1, count)
    came = {day: day + 1 for day in range(count)} | (late or {})
    rows = [(day * DAY, came[day] * DAY, float(price)) for day, price in enumerate(prices)]
    rows += [(day * DAY, known * DAY, float(prices[day]) * 1.01) for day, known in (corrected or {}).items()]
    return build(revisions(rows), SPEC)


@given(
    # What the settings let through: rows enough, and not all of them judged on.
    count=st.integers(160, 400),
    folds=st.integers(1, 4),
    share=st.floats(0.02, MOST_JUDGED / 5),
    longest=st.integers(20, 100),
    embargo=st.integers(0, 5),
)
@settings(max_examples=50, deadline=None)
def test_every_window_is_later_than_all_that_is_learned_for_it(
    count: int, folds: int, share: float, longest: int, embargo: int
):
    data = dataset(count)
    splits = evaluation.walk_forward(data, folds=folds, share=share, longest=longest, embargo=embargo)
    assert len(splits) == folds + 1
    assert splits[-1].test[-1] == len(data) - 1
    for split in splits:
        assert split.train[-1] < split.test[0] - embargo
        assert (data.label_available[split.train] <= data.available[split.test].min()).all()
    for one, following in itertools.pairwise(splits):
        assert following.test[0] == one.test[-1] + 1


def test_a_label_that_was_corrected_inside_the_window_is_not_learned():
    plain, corrected = dataset(), dataset(corrected={200: 390})
    last = evaluation.walk_forward(plain, folds=1, share=0.2, longest=100, embargo=0)[-1]
    other = evaluation.walk_forward(corrected, folds=1, share=0.2, longest=100, embargo=0)[-1]
    missing = set(plain.event[last.train]) - set(corrected.event[other.train])
    assert missing == {199 * DAY}


def test_a_label_that_was_corrected_inside_a_window_whose_first_rows_came_late_is_not_learned():
    def last(data: Dataset) -> evaluation.Split:
        return evaluation.walk_forward(data, folds=1, share=0.2, longest=100, embargo=0)[-1]

    # One late session makes no row, of two the first does.
    data = dataset(corrected={200: 390}, late={321: 394, 322: 395})
    split = last(data)
    assert data.available[split.test[0]] == 394 * DAY, "the window does not begin with the late row"
    assert 199 * DAY not in data.event[split.train]
    assert 198 * DAY in data.event[split.train]


def test_skill_of_known_errors():
    assert evaluation.skill(np.array([1.0, 2.0]), np.array([2.0, 4.0])) == pytest.approx(0.5)
    assert evaluation.skill(np.array([3.0]), np.array([2.0])) == pytest.approx(-0.5)
    assert evaluation.skill(np.array([0.0]), np.array([0.0])) == 0.0


@pytest.mark.parametrize("moves", [0, 1, 2, 4])
def test_resampled_rows_on_which_naive_was_right_speak_against_who_was_not(moves: int):
    """Of a price that seldom moves, some resamples have no move: they are no proof of skill."""
    naive = np.zeros(60)
    naive[5 : 5 + 12 * moves : 12] = 0.02
    worse = naive + 0.01
    upper = evaluation.skill_upper_bound(worse, naive, confidence=0.999, resamples=500, seed=1)
    assert upper < 0
    assert np.isfinite(upper)
    assert np.isfinite(lower(worse, naive))
    assert lower(naive, naive) == 0.0


def lower(ours: np.ndarray, naive: np.ndarray, seed: int = 1) -> float:
    return evaluation.skill_lower_bound(ours, naive, confidence=0.95, resamples=500, seed=seed)


def test_the_lower_bound_tells_skill_from_luck():
    """Of many models without skill, about one in twenty is above zero by luck; one with skill is."""
    random = np.random.default_rng(5)
    lucky = 0
    for _ in range(200):
        y = random.normal(0, 0.02, 300)
        lucky += lower(np.abs(y - random.normal(0, 0.0001, 300)), np.abs(y)) > 0
    assert lucky <= 24
    signal = random.normal(0, 0.02, 300)
    assert lower(np.abs(random.normal(0, 0.02, 300)), np.abs(signal + random.normal(0, 0.02, 300))) > 0


def test_the_lower_bound_is_wider_for_errors_that_come_in_spells():
    """A bootstrap of single rows would take 30 spells of ten rows for 300 independent ones."""
    random = np.random.default_rng(2)
    spells = np.repeat(random.normal(0.1, 1, 60), 10)
    shuffled = random.permutation(spells)
    naive = np.full(600, 5.0)
    assert lower(naive - spells, naive) < lower(naive - shuffled, naive)


@given(level=st.sampled_from([0.5, 0.8, 0.9]), seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_the_conformal_quantile_holds_its_level(level: float, seed: int):
    random = np.random.default_rng(seed)
    held = [
        evaluation.conformal_quantile(random.exponential(1, 60), level) >= random.exponential(1)
        for _ in range(2000)
    ]
    assert np.mean(held) >= level - 0.03


def test_the_conformal_quantile_has_the_finite_sample_correction():
    scores = np.arange(1.0, 11.0)
    assert evaluation.conformal_quantile(scores, 0.5) == 6.0
    assert evaluation.conformal_quantile(scores, 0.9) == 10.0
    assert evaluation.conformal_quantile(scores, 0.99) == 10.0


def test_a_score_names_its_window():
    data = dataset()
    rows = np.arange(10, 40)
    score = evaluation.score(data, rows, np.zeros(30), confidence=0.95, resamples=200, seed=1, coverage=0.9)
    assert score.window.rows == 30
    assert score.window.start.timestamp() * 1e6 == data.event[10]
    assert score.window.end.timestamp() * 1e6 == data.event[39]
    assert score.mae == score.mae_naive
    assert score.skill == score.lower == 0.0


def test_settings_that_leave_nothing_to_learn_from_are_refused():
    with pytest.raises(ValueError, match="lower one of them"):
        TrainingSettings(
            postgres_host="unused",
            postgres_user="unused",
            mlflow_tracking_uri="http://unused",
            folds=4,
            evaluation_share=0.2,
        )
