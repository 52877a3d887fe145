"""A candidate is judged honestly: skill where there is some, none where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fixture_models import ECHO, artifact, echoing
from tests.prices import walk
from workloads.kit.features import DEFAULT
from workloads.kit.onnx import OnnxModel
from workloads.kit.registry import ArtifactError, read_artifact, sha256, write_artifact
from workloads.kit.windows import Floats
from workloads.model_training import candidate, forest
from workloads.model_training.candidate import Candidate, make
from workloads.model_training.dataset import build
from workloads.model_training.evaluation import walk_forward
from workloads.model_training.forest import ConversionError
from workloads.model_training.prices import Revisions, revisions
from workloads.model_training.settings import TrainingSettings

DAY = 86_400_000_000


def settings(**changed: Any) -> TrainingSettings:
    values: dict[str, Any] = {
        "postgres_host": "unused",
        "postgres_user": "unused",
        "mlflow_tracking_uri": "http://unused",
        "code_version": "abc",
        "trees": 30,
        "folds": 2,
        "fit_jobs": 1,
        "resamples": 300,
    }
    return TrainingSettings(**(values | changed))


def series(prices: Floats) -> Revisions:
    return revisions((day * DAY, (day + 1) * DAY, price) for day, price in enumerate(prices.tolist()))


def made(prices: Floats, champion: Any = None, **changed: Any) -> Candidate:
    return make("SYN-X", "synthetic", build(series(prices), DEFAULT), champion, settings(**changed), "print")


@pytest.fixture(scope="module")
def skilled() -> Candidate:
    return made(echoing(1, 2500))


def test_a_series_that_can_be_predicted_passes(skilled: Candidate):
    card = skilled.artifact.card
    assert skilled.verdict.passed, skilled.verdict.reasons
    assert card.skill == "proven"
    # The best there is on this series is 1 - sqrt(1 - 0.49) = 0.29.
    assert 0.15 < card.evaluated.skill < 0.32
    assert 0 < card.evaluated.lower < card.evaluated.skill
    assert card.price_mae < card.price_mae_naive


def test_it_counts_among_many_by_all_that_no_model_had_seen():
    """The last window alone says some ten-thousandths to hundredths: too much among hundreds."""
    few = made(echoing(1, 1000))
    assert few.artifact.card.evaluated.window.rows < 150
    assert few.p_value < 1e-5


def test_a_random_walk_does_not_pass():
    judged = made(walk(4, 2500))
    assert not judged.verdict.passed
    assert judged.artifact.card.skill == "none"
    assert judged.artifact.card.evaluated.skill < 0.01


def test_intervals_hold_about_their_level_of_a_window_that_was_not_seen(skilled: Candidate):
    card = skilled.artifact.card
    assert card.nominal_level == 0.9
    assert card.evaluated.coverage is not None
    assert 0.85 <= card.evaluated.coverage <= 0.95


def test_the_card_describes_the_model_that_was_judged(skilled: Candidate):
    card, onnx = skilled.artifact.card, skilled.artifact.onnx
    prices = echoing(1, 2500)
    data = build(series(prices), DEFAULT)
    *_, last = walk_forward(data, folds=2, share=0.15, longest=500, embargo=1)
    predicted = OnnxModel(onnx).predict(data.x[last.test])
    assert card.evaluated.mae == pytest.approx(np.abs(data.y[last.test] - predicted).mean())
    assert card.onnx_sha256 == sha256(onnx)
    assert card.evaluated.window.rows == len(last.test)
    assert card.trained.end < card.folds[-1].window.end < card.evaluated.window.start
    assert card.features == list(DEFAULT.names)
    assert (card.code_version, card.fingerprint) == ("abc", "print")
    np.testing.assert_allclose(
        OnnxModel(onnx).predict(np.array(card.probe.features)), card.probe.returns, rtol=0, atol=1e-9
    )


def test_a_better_champion_is_not_replaced():
    judged = made(echoing(1, 2500), champion=(7, artifact("SYN-X", ECHO)))
    card = judged.artifact.card
    assert card.champion_version == 7
    assert card.champion_skill is not None
    assert card.champion_skill > card.evaluated.skill
    assert not judged.verdict.passed
    assert any("champion version 7 does better" in reason for reason in judged.verdict.reasons)


def test_a_worse_champion_is_replaced():
    judged = made(echoing(1, 2500), champion=(7, artifact("SYN-X", -ECHO)))
    assert judged.verdict.passed
    assert judged.artifact.card.champion_skill is not None
    assert judged.artifact.card.champion_skill < 0


def test_a_champion_of_other_features_is_no_rival():
    judged = made(echoing(1, 2500), champion=(7, artifact("SYN-X", ECHO, feature_set="1:2-5")))
    assert judged.verdict.passed
    assert judged.artifact.card.champion_version is None


def test_onnx_that_differs_from_the_forest_is_not_registered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(OnnxModel, "predict", lambda self, x: np.full(len(x), 0.5))
    model = forest.fit(settings(), np.random.default_rng(1).normal(size=(300, 12)), np.zeros(300))
    with pytest.raises(ConversionError, match="differs from the forest"):
        forest.to_onnx_bytes(model, np.zeros((3, 12)))


@pytest.mark.parametrize("size", [1e-300, 1e-9, 1e9])
def test_prices_that_change_by_any_factor_have_a_model(size: float):
    prices = walk(4, 600)
    prices[3::20] *= size
    card = made(prices).artifact.card
    assert np.isfinite([card.quantile, card.price_mae, card.evaluated.skill]).all()


def test_returns_of_hundreds_are_as_exact_in_onnx_as_its_numbers_are():
    """Of prices between next to nothing and millions."""
    random = np.random.default_rng(1)
    x, y = random.normal(size=(600, 12)), random.choice([-690.0, 690.0], 600)
    model = forest.fit(settings(), x, y)
    returns = OnnxModel(forest.to_onnx_bytes(model, x)).predict(x)
    np.testing.assert_allclose(returns, model.predict(x), rtol=1e-5, atol=1e-5)


def test_a_fingerprint_changes_with_prices_settings_and_code_alone():
    prices = series(walk(1, 300))
    first = candidate.fingerprint(prices, settings())
    assert first == candidate.fingerprint(series(walk(1, 300)), settings(fit_jobs=2))
    others = {
        candidate.fingerprint(series(walk(2, 300)), settings()),
        candidate.fingerprint(prices, settings(max_depth=5)),
        candidate.fingerprint(prices, settings(code_version="abd")),
    }
    assert len(others | {first}) == 4


def test_an_artifact_is_read_as_it_was_written_or_not_at_all(tmp_path: Path, skilled: Candidate):
    write_artifact(tmp_path, skilled.artifact)
    assert read_artifact(tmp_path) == skilled.artifact
    (tmp_path / "model.onnx").write_bytes(skilled.artifact.onnx[:-1])
    with pytest.raises(ArtifactError, match="not the model"):
        read_artifact(tmp_path)
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(ArtifactError, match="no readable model card"):
        read_artifact(tmp_path)
