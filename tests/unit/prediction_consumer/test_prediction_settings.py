"""Settings from the environment, and what a bad one says."""

from __future__ import annotations

import pytest

from workloads.kit.features import DEFAULT, FeatureSpec
from workloads.kit.settings import load
from workloads.prediction_consumer.settings import PredictionSettings

NEEDED = {
    "KAFKA_BOOTSTRAP": "kafka:9092",
    "POSTGRES_HOST": "postgres",
    "POSTGRES_USER": "prediction_consumer",
    "MODEL_SERVER_URL": "http://model-server:8080",
}


@pytest.fixture(autouse=True)
def _needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FEATURE_WINDOWS", raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_feature_windows_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(PredictionSettings).feature_windows == DEFAULT
    monkeypatch.setenv("FEATURE_WINDOWS", "7,30,90,250")
    assert load(PredictionSettings).feature_windows == FeatureSpec(7, 30, (90, 250))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FEATURE_WINDOWS", "30,7", "7,30,90"),
        ("MODEL_SERVER_URL", "model-server", "MODEL_SERVER_URL: 'model-server'"),
        ("ANOMALY_THRESHOLD", "0", "ANOMALY_THRESHOLD: '0'"),
        ("RESTORE_MAX_RECORDS", "1000", "leave it out"),
    ],
)
def test_a_bad_setting_ends_with_2_and_says_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as exit_:
        load(PredictionSettings)
    assert exit_.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}: {value!r} cannot be used")
    assert said in line
