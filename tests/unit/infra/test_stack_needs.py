"""A part of a stack that needs another is refused without it, and the message names both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.settings.bases import SettingsError
from infra.settings.parsing import parse
from tools.gate import settings as gate

Path = tuple[str, ...]


def prod() -> dict[str, Any]:
    return {f"carbon:{name}": value for name, value in gate.whole("prod").merged().items()}


def refused(without: Path) -> str:
    config = prod()
    at = config
    for key in without[:-1]:
        at = at[key]
    del at[without[-1]]
    with pytest.raises(SettingsError) as error:
        read(config)
    return str(error.value)


def read(config: dict[str, Any]) -> None:
    parse({key: json.dumps(value) for key, value in config.items()}, file="stacks/Pulumi.prod.yaml")


def test_the_whole_is_accepted() -> None:
    read(prod())


SERVICES = "carbon:services"
AWS = "carbon:aws"


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ((SERVICES, "strimzi"), "kafka.kind strimzi needs services.strimzi"),
        (
            (SERVICES, "cloudnative_pg", "barman_cloud"),
            "postgres.kind cloudnative-pg needs services.cloudnative_pg.barman_cloud",
        ),
        ((SERVICES, "external_secrets"), "secrets.kind external needs services.external_secrets"),
        ((SERVICES, "kyverno"), "admission.kind kyverno needs services.kyverno"),
        ((SERVICES, "keda"), "a scaler of kind keda needs services.keda"),
        ((SERVICES, "prometheus_crds"), "needs services.prometheus_crds"),
        ((AWS, "cluster"), "cluster"),
        ((AWS, "secrets"), "secrets.kind external needs aws.secrets"),
        ((AWS, "buckets", "recovery"), "recovery needs aws.buckets.recovery"),
        ((AWS, "buckets", "mlflow"), "mlflow.kind chart needs aws.buckets.mlflow"),
        (
            (AWS, "secrets", "alerts"),
            "monitoring.alertmanager.receivers needs aws.secrets.alerts pagerduty",
        ),
        (
            (AWS, "edge"),
            "load_balancer_controller.bindings api needs aws.edge.services api: model-server",
        ),
    ],
)
def test_what_is_needed_is_named(without: Path, said: str) -> None:
    message = refused(without)
    assert said in message
    assert message.startswith("stacks/Pulumi.prod.yaml: carbon:")


def test_a_message_about_the_whole_shows_no_value() -> None:
    """The refused value is the stack then: nothing of it may be in the message."""
    message = refused((SERVICES, "strimzi"))
    assert "111122223333" not in message
    assert len(message) < 400


def test_an_empty_stack_is_refused() -> None:
    with pytest.raises(SettingsError, match="the stack is empty"):
        read({"carbon:labels": prod()["carbon:labels"]})


def test_the_path_of_a_problem_leaves_out_what_no_file_holds() -> None:
    """Neither the platform nor the kind that a union picked is a key of the file."""
    config = prod()
    config["carbon:kafka"]["brokrs"] = 3
    with pytest.raises(SettingsError) as error:
        read(config)
    assert str(error.value) == (
        "stacks/Pulumi.prod.yaml: carbon:kafka.brokrs is not a setting. "
        "Remedy: write brokers if that was meant."
    )


def test_a_missing_kind_lists_those_there_are() -> None:
    config = prod()
    del config["carbon:kafka"]["kind"]
    with pytest.raises(SettingsError, match="add `kind:`, one of statefulset, strimzi"):
        read(config)
