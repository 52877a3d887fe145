from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from workloads.kit import db, kafka
from workloads.kit.settings import (
    KafkaConsumerSettings,
    KafkaSettings,
    PostgresSettings,
    Settings,
    load,
)


class _Guarded(Settings):
    limit: int = Field(ge=1)
    token: SecretStr = Field(min_length=20)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("x")
    for name, value in {
        "KAFKA_BOOTSTRAP": "kafka-0:9092,kafka-1:9092",
        "KAFKA_GROUP": "analytics-consumer",
        "POD_NAME": "analytics-7",
        "METRICS_PORT": "",
        "BATCH_MAX_RECORDS": "50",
        "POSTGRES_HOST": "postgres",
        "POSTGRES_USER": "analytics_consumer",
        "POSTGRES_PASSWORD_FILE": str(password),
    }.items():
        monkeypatch.setenv(name, value)

    class Both(KafkaConsumerSettings, PostgresSettings):
        pass

    settings = load(Both)
    assert settings.kafka_bootstrap == "kafka-0:9092,kafka-1:9092"
    assert settings.pod_name == "analytics-7"
    assert settings.batch_max_records == 50
    assert settings.metrics_port == 9100  # an empty variable counts as unset
    assert settings.postgres_password_file == password


def test_each_bad_setting_is_one_line_with_its_name_its_value_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "kafka")
    monkeypatch.setenv("BATCH_MAX_RECORDS", "0")
    monkeypatch.delenv("KAFKA_GROUP", raising=False)
    with pytest.raises(SystemExit) as stopped:
        load(KafkaConsumerSettings)
    assert stopped.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert any("KAFKA_BOOTSTRAP" in line and "'kafka'" in line for line in lines)
    assert any("BATCH_MAX_RECORDS" in line and "'0'" in line and "greater" in line for line in lines)
    assert any("KAFKA_GROUP is not set" in line for line in lines)


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LIMIT", "3")
    monkeypatch.setenv("TOKEN", "hunter2")
    with pytest.raises(SystemExit):
        load(_Guarded)
    shown = capsys.readouterr().err
    assert "TOKEN" in shown
    assert "hunter2" not in shown


def test_a_password_file_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSTGRES_HOST", "postgres")
    monkeypatch.setenv("POSTGRES_USER", "model_server")
    monkeypatch.setenv("POSTGRES_PASSWORD_FILE", "/nowhere/model_server")
    with pytest.raises(SystemExit):
        load(PostgresSettings)
    assert "/nowhere/model_server" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "variable"),
    [(KafkaSettings, "KAFKA_TLS_DIR"), (PostgresSettings, "POSTGRES_CA_FILE")],
)
def test_certificates_that_are_not_there_are_named(
    settings: type[KafkaSettings] | type[PostgresSettings],
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {
        "KAFKA_BOOTSTRAP": "kafka:9092",
        "POSTGRES_HOST": "postgres",
        "POSTGRES_USER": "model_server",
        variable: "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(settings)
    (line,) = capsys.readouterr().err.splitlines()
    assert variable in line
    assert "/nowhere" in line


def test_connections_are_in_clear_unless_certificates_are_given(tmp_path: Path) -> None:
    plain = KafkaSettings(kafka_bootstrap="kafka:9092")
    assert not {key for key in kafka.common(plain) if key.startswith(("ssl.", "security."))}
    guarded = KafkaSettings(kafka_bootstrap="kafka:9092", kafka_tls_dir=tmp_path)
    for made in (kafka.common(guarded), kafka.reading(guarded), kafka.writing(guarded)):
        assert made["security.protocol"] == "SSL"
        assert made["ssl.endpoint.identification.algorithm"] == "https"
        assert made["ssl.key.location"] == str(tmp_path / "user.key")
    database = PostgresSettings(postgres_host="h", postgres_user="u")
    assert "sslmode" not in db.parameters(database, application_name="test")
