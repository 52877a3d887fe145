"""Models of the next session, trained and judged as each night does it, on series whose truth is known."""

from __future__ import annotations

from typing import Final

from tests.bench.measure import Sample
from tests.bench.report import Figure, at_least, at_most
from tests.bench.rig import Rig
from tests.fixture_models import echoing
from tests.prices import walk
from tools.console import Step
from workloads.kit.features import FeatureSpec
from workloads.kit.windows import Floats
from workloads.model_training import candidate, dataset
from workloads.model_training.prices import Revisions, revisions
from workloads.model_training.settings import TrainingSettings

_ROWS: Final = 1000
_DAY: Final = 86_400_000_000
_SETTINGS: Final = TrainingSettings(
    postgres_host="unused", postgres_user="unused", mlflow_tracking_uri="http://unused", fit_jobs=1
)


def run(rig: Rig, step: Step) -> list[Figure]:
    noise, able = rig.sized(300, 4), rig.sized(50, 2)
    promoted = 0
    for seed in range(noise):
        step.detail(f"a walk at random, {seed + 1} of {noise}")
        promoted += _passes(walk(1000 + seed, _ROWS))
    found = 0
    for seed in range(able):
        step.detail(f"a series that can be predicted, {seed + 1} of {able}")
        found += _passes(echoing(1000 + seed, _ROWS))
    by_luck, by_skill = Sample.of([promoted / noise]), Sample.of([found / able])
    return [
        Figure(
            name=f"a night: of {noise} walks at random, models promoted",
            unit="share",
            ours=by_luck,
            others=[],
            aims=[at_most(by_luck, 1 - _SETTINGS.confidence)],
        ),
        Figure(
            name=f"a night: of {able} series that can be predicted, models promoted",
            unit="share",
            ours=by_skill,
            others=[],
            aims=[at_least(by_skill, 0.9)],
        ),
    ]


def _passes(prices: Floats) -> bool:
    data = dataset.build(_series(prices), FeatureSpec.parse(_SETTINGS.feature_windows))
    return candidate.make("SYN-X", "synthetic", data, None, _SETTINGS, "bench").verdict.passed


def _series(prices: Floats) -> Revisions:
    return revisions((day * _DAY, (day + 1) * _DAY, price) for day, price in enumerate(prices.tolist()))
