"""Models of the next session, trained and judged as each night does it, on series whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.bench.measure import Measured, Sample
from tests.bench.report import Aim, Figure, at_least, at_most
from tests.bench.rig import Rig
from tests.fixture_models import echoing
from tests.prices import walk
from tools.console import Step
from workloads.kit.features import FeatureSpec
from workloads.kit.windows import Floats
from workloads.model_training import candidate, dataset
from workloads.model_training.prices import Revisions, revisions
from workloads.model_training.promotion import discoveries
from workloads.model_training.settings import TrainingSettings

_ROWS: Final = 1000
_DAY: Final = 86_400_000_000
_SETTINGS: Final = TrainingSettings(
    postgres_host="unused", postgres_user="unused", mlflow_tracking_uri="http://unused", fit_jobs=1
)


def run(rig: Rig, step: Step) -> list[Figure]:
    noise, able = rig.sized(300, 4), rig.sized(50, 2)
    p_values: dict[str, float] = {}
    for seed in range(noise):
        step.detail(f"a walk at random, {seed + 1} of {noise}")
        p_values[f"walk {seed}"] = _p_value(walk(1000 + seed, _ROWS))
    alone = discoveries(p_values, 1 - _SETTINGS.confidence)
    for seed in range(able):
        step.detail(f"a series that can be predicted, {seed + 1} of {able}")
        p_values[f"echo {seed}"] = _p_value(echoing(1000 + seed, _ROWS))
    together = discoveries(p_values, 1 - _SETTINGS.confidence)
    by_luck = sum(name.startswith("walk") for name in together)
    passed = sum(p_values[name] < 1 for name in p_values if name.startswith("walk"))
    return [
        _share(
            f"a night: of {noise} walks at random, that pass by themselves",
            passed / noise,
            at_most,
            1 - _SETTINGS.confidence,
        ),
        _share(f"a night of {noise} walks at random alone: promoted", len(alone) / noise, at_most, 1 / noise),
        _share(
            f"a night: of {able} series that can be predicted, beside those walks, promoted",
            (len(together) - by_luck) / able,
            at_least,
            0.9,
        ),
        _share(
            "a night: of those promoted, walks at random",
            by_luck / max(1, len(together)),
            at_most,
            2 * (1 - _SETTINGS.confidence),
        ),
    ]


def _share(name: str, share: float, aim: Callable[[Measured, float], Aim], bound: float) -> Figure:
    ours = Sample.of([share])
    return Figure(name=name, unit="share", ours=ours, others=[], aims=[aim(ours, bound)])


def _p_value(prices: Floats) -> float:
    """Of "not better than naive", as a night counts it: 1 where a model does not pass by itself."""
    data = dataset.build(_series(prices), FeatureSpec.parse(_SETTINGS.feature_windows))
    made = candidate.make("SYN-X", "synthetic", data, None, _SETTINGS, "bench")
    return made.p_value if made.verdict.passed else 1.0


def _series(prices: Floats) -> Revisions:
    return revisions((day * _DAY, (day + 1) * _DAY, price) for day, price in enumerate(prices.tolist()))
