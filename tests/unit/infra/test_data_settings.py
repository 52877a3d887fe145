"""Images and secrets: what a stack has to bring depends on how its services are run."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from infra.settings.images import model
from infra.settings.secrets import ExternalSecretsSettings, GeneratedSecrets, Secrets
from tests.stack import PASSWORDS

MODEL = model(frozenset())
OWN = {
    name: f"registry/{name}:1"
    for name in (
        "price-pipeline",
        "analytics-consumer",
        "api-integration",
        "data-api",
        "data-quality",
        "egress-proxy",
        "customer-consumer",
        "customer-metrics",
        "indicator-consumer",
        "keycloak-prepare",
        "market-connectors",
        "prediction-consumer",
        "model-training",
        "model-server",
        "migrations",
        "warehouse-etl",
    )
}


def test_images_of_services_are_needed_where_they_are_used() -> None:
    images = MODEL.model_validate({**OWN, "postgres-exporter": "registry/postgres-exporter:1"})
    assert images.of("postgres-exporter") == "registry/postgres-exporter:1"
    assert images.of("model-server") == "registry/model-server:1"
    with pytest.raises(ValueError, match=r"images\.kube-state-metrics is missing"):
        images.of("kube-state-metrics")


@pytest.mark.parametrize("name", OWN)
def test_images_of_our_own_workloads_are_always_needed(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        MODEL.model_validate({other: image for other, image in OWN.items() if other != name})


@pytest.mark.parametrize("interval", ["15", "0m", "1d", "m"])
def test_an_interval_is_minutes_or_hours(interval: str) -> None:
    with pytest.raises(ValidationError, match="refresh_interval"):
        ExternalSecretsSettings.model_validate({"kind": "external", "refresh_interval": interval})


def test_the_kind_says_where_secrets_come_from() -> None:
    read: TypeAdapter[Secrets] = TypeAdapter(Secrets)
    assert isinstance(read.validate_python(PASSWORDS), GeneratedSecrets)
    assert isinstance(read.validate_python({"kind": "external"}), ExternalSecretsSettings)
    with pytest.raises(ValidationError, match="Extra inputs"):
        read.validate_python({"kind": "external", "redis_password": "x" * 16})
