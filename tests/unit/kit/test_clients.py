"""What each workload may do on Kafka is declared, and its code does nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from infra.flows import FLOWS
from infra.manifests import kafka
from infra.manifests import platform_workloads as own
from workloads.analytics_consumer.settings import AnalyticsSettings
from workloads.kit.contracts import topics
from workloads.kit.contracts.clients import CLIENTS
from workloads.prediction_consumer.settings import PredictionSettings
from workloads.price_pipeline import inject, replay, run

WORKLOADS = Path(__file__).resolve().parents[3] / "workloads"
BY_NAME = {client.name: client for client in CLIENTS}


def test_every_workload_that_reaches_kafka_is_declared_and_no_other_is() -> None:
    connected = {source for source, target, _ in FLOWS if target == kafka.NAME}
    # The job that declares topics runs where no rights are checked; elsewhere an operator declares them.
    assert set(BY_NAME) == connected - {own.TOPICS}


def test_names_are_those_of_declared_topics() -> None:
    declared = {topic.name for topic in topics.DECLARED}
    for client in CLIENTS:
        assert {*client.reads, *client.writes} <= declared


@pytest.mark.parametrize(
    ("name", "settings"),
    [("analytics-consumer", AnalyticsSettings), ("prediction-consumer", PredictionSettings)],
)
def test_consumers_use_their_declared_group_and_ids(
    name: str, settings: type[AnalyticsSettings] | type[PredictionSettings]
) -> None:
    client = BY_NAME[name]
    assert settings.model_fields["kafka_group"].default == client.group
    # `kit.sink` names a member's producer after group and pod.
    assert f"{client.group}.some-pod".startswith(client.transactional_ids)
    assert topics.dead_letter(client.reads[0]) in client.writes


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("price-pipeline", {run.TRANSACTIONAL_ID, inject.TRANSACTIONAL_ID}),
        ("price-replay", {replay.TRANSACTIONAL_ID, inject.TRANSACTIONAL_ID}),
    ],
)
def test_writers_use_their_declared_ids(name: str, ids: set[str]) -> None:
    assert set(BY_NAME[name].transactional_ids) == ids


def test_no_client_may_take_anothers_ids() -> None:
    """A producer with another's id would fence it off. The prices' writers share just the injected ones."""
    for one in CLIENTS:
        for other in CLIENTS:
            if one is other:
                continue
            shared = {i for i in one.transactional_ids if i.startswith(other.transactional_ids)}
            assert shared <= {inject.TRANSACTIONAL_ID}


def test_every_transactional_producer_is_known_here() -> None:
    """A new one needs a declaration, and a line in this test."""
    found = {
        path.relative_to(WORKLOADS).as_posix()
        for path in WORKLOADS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "TransactionalProducer"
    }
    assert found == {
        "kit/sink.py",
        "price_pipeline/inject.py",
        "price_pipeline/replay.py",
        "price_pipeline/run.py",
    }
