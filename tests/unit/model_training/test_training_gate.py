"""Each condition of the gate, by a score that fails it alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from workloads.kit.contracts.models import Score, Window
from workloads.model_training.gate import Rival, judge
from workloads.model_training.settings import TrainingSettings

SETTINGS = TrainingSettings(
    postgres_host="unused", postgres_user="unused", mlflow_tracking_uri="http://unused", min_skill=0.02
)


def score(skill: float, lower: float = 0.01) -> Score:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Score(
        window=Window(start=now, end=now, rows=1), mae=1 - skill, mae_naive=1.0, skill=skill, lower=lower
    )


def test_a_good_model_passes_without_and_with_a_champion():
    assert judge(score(0.03), score(0.01), None, SETTINGS).passed
    verdict = judge(score(0.03), score(0.01), Rival(4, 0.02, lead=0.001), SETTINGS)
    assert verdict.passed
    assert "champion version 4" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("last", "before", "rival", "reason"),
    [
        (score(0.019), score(0.01), None, "below 0.02"),
        (score(0.03, lower=-0.001), score(0.01), None, "not above zero with 95% confidence"),
        (score(0.03), score(-0.01), None, "walk-forward skill"),
        (score(0.03), score(0.01), Rival(4, 0.031, lead=-0.01), "champion version 4 does better"),
        # As good by chance: whoever takes its place nightly has no live record.
        (score(0.03), score(0.01), Rival(4, 0.029, lead=-0.002), "not beaten with 95% confidence"),
    ],
)
def test_one_failed_condition_is_enough_and_is_named(
    last: Score, before: Score, rival: Rival | None, reason: str
):
    verdict = judge(last, before, rival, SETTINGS)
    assert not verdict.passed
    assert len(verdict.reasons) == 1
    assert reason in verdict.reasons[0]


@pytest.mark.parametrize(
    ("last", "before", "rival"),
    [
        (score(math.nan), score(0.01), None),
        (score(0.03, lower=math.nan), score(0.01), None),
        (score(0.03), score(math.nan), None),
        (score(0.03), score(0.01), Rival(4, math.nan, lead=0.01)),
        (score(0.03), score(0.01), Rival(4, 0.02, lead=math.nan)),
    ],
)
def test_what_is_no_number_passes_nothing(last: Score, before: Score, rival: Rival | None):
    assert not judge(last, before, rival, SETTINGS).passed
