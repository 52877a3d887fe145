"""What the program registers for the local stack: types, parents, provider, secrets, names."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import PASSWORDS, Recorder, Registration, registered, values
from workloads.kit.contracts import env

SECRET_MARK = "4dabf18193072939515e22adb298388d"

COMPONENT_TYPES = {
    "carbon:platform:Platform",
    "carbon:platform:ClusterLayer",
    "carbon:platform:DataLayer",
    "carbon:platform:EdgeLayer",
    "carbon:platform:OperationsLayer",
    "carbon:platform:TenantLayer",
    "carbon:platform:WorkloadLayer",
    "carbon:cluster:AdmissionPolicies",
    "carbon:cluster:Namespace",
    "carbon:streaming:Kafka",
    "carbon:tenant:Tenant",
    "carbon:storage:Postgres",
    "carbon:storage:Redis",
    "carbon:storage:ObjectStore",
    "carbon:storage:Trino",
    "carbon:ml:MLflow",
    "carbon:monitoring:Prometheus",
    "carbon:monitoring:Alertmanager",
    "carbon:monitoring:PostgresExporter",
    "carbon:monitoring:KubeStateMetrics",
    "carbon:workload:ConsumerDeployment",
    "carbon:workload:EgressProxy",
    "carbon:workload:Keycloak",
    "carbon:workload:ModelServer",
    "carbon:workload:ScheduledJob",
    "carbon:workload:SingletonDeployment",
    "carbon:workload:MigrationJob",
    "carbon:workload:WebServer",
}


def test_component_types_stay(registrations: dict[str, Registration]) -> None:
    """A token that changes replaces all that is below it: add an alias before changing this list."""
    assert {r.type for r in registrations.values() if r.is_component} == COMPONENT_TYPES


def test_every_object_goes_through_the_one_provider(registrations: dict[str, Registration]) -> None:
    objects = [r for r in registrations.values() if r.type.startswith("kubernetes:")]
    providers = {r.provider for r in objects}
    assert len(providers) == 1
    assert "pulumi:providers:kubernetes::cluster::" in providers.pop()


def test_provider_survives_a_new_kubeconfig(registrations: dict[str, Registration]) -> None:
    (provider,) = [r for r in registrations.values() if r.type == "pulumi:providers:kubernetes"]
    assert provider.inputs["clusterIdentifier"] == "test"
    assert provider.inputs["enableServerSideApply"] in (True, "true")


def test_every_object_is_a_components_child(registrations: dict[str, Registration]) -> None:
    for r in registrations.values():
        if r.type.startswith("kubernetes:"):
            parent = registrations[r.parent]
            assert parent.is_component
            assert r.name == parent.name or r.name.startswith(f"{parent.name}-"), r.urn


def test_every_component_says_that_it_is_complete(recorded: Recorder) -> None:
    components = {r.urn for r in recorded.seen.values() if r.is_component}
    assert components <= recorded.completed.keys()


def test_endpoints_are_services_that_exist(recorded: Recorder) -> None:
    (platform,) = [r.urn for r in recorded.seen.values() if r.type == "carbon:platform:Platform"]
    endpoints = recorded.completed[platform]["endpoints"]
    services = {
        (r.inputs["metadata"]["namespace"], r.inputs["metadata"]["name"]): {
            port["port"] for port in r.inputs["spec"]["ports"]
        }
        for r in recorded.seen.values()
        if r.type == "kubernetes:core/v1:Service"
    }
    assert {"model-server", "mlflow", "prometheus", "alertmanager", "postgres", "kafka-2"} <= endpoints.keys()
    for endpoint in endpoints.values():
        assert endpoint["port"] in services[endpoint["namespace"], endpoint["service"]]


def test_no_password_is_sent_unmarked(registrations: dict[str, Registration]) -> None:
    passwords = set(_leaves(PASSWORDS))
    hidden = passwords | {base64.b64encode(p.encode()).decode() for p in passwords}
    marked = 0
    for r in registrations.values():
        assert not [text for text in _plain(r.wire) if any(h in text for h in hidden)], r.urn
        marked += json.dumps(r.wire).count(SECRET_MARK)
    assert marked == len([r for r in registrations.values() if r.type == "kubernetes:core/v1:Secret"])
    assert marked > 8


def test_workloads_start_after_what_they_need(registrations: dict[str, Registration]) -> None:
    def needs(kind: str, name: str) -> set[str]:
        component = next(r for r in registrations.values() if r.type.endswith(kind) and r.name == name)
        return {
            registrations[urn].type.split(":")[-1] + " " + registrations[urn].name
            for urn in component.depends_on
        }

    assert "StatefulSet postgres" in needs(":MigrationJob", "migrations")
    assert "StatefulSet kafka" in needs(":MigrationJob", "topics")
    assert {"Job migrations", "Job topics"} <= needs(":ConsumerDeployment", "analytics-consumer")
    assert {"Job migrations", "Job topics"} <= needs(":SingletonDeployment", "price-replay")
    assert "Job migrations" in needs(":MLflow", "mlflow")
    assert "NetworkPolicy carbon-default-deny" in needs(":Kafka", "kafka")


@pytest.mark.parametrize(("section", "kind"), [("kafka", "StatefulSet"), ("mlflow", "PersistentVolumeClaim")])
def test_what_holds_data_is_protected_where_a_stack_says_so(section: str, kind: str) -> None:
    config = values()
    config[f"carbon:{section}"]["storage"]["protect"] = True
    seen = registered(config).seen
    protected = {(r.type.split(":")[-1], r.name) for r in seen.values() if r.protect}
    assert protected == {(kind, section)}


def test_changed_declaration_of_topics_is_a_new_job(registrations: dict[str, Registration]) -> None:
    config = values()
    config["carbon:kafka"]["retention_ms"] = {"commodity-prices": 86_400_000}
    changed = registered(config).seen

    def jobs(seen: dict[str, Registration]) -> dict[str, str]:
        return {r.name: r.inputs["metadata"]["name"] for r in seen.values() if r.type.endswith(":Job")}

    before, after = jobs(registrations), jobs(changed)
    assert before["topics"] != after["topics"]
    assert before["migrations"] == after["migrations"]


def test_what_is_kept_reaches_the_job_that_drops_the_rest(registrations: dict[str, Registration]) -> None:
    config = values()
    config["carbon:postgres"]["keep_months"] = {"price_trends": 24}
    changed = registered(config).seen

    def given(seen: dict[str, Registration]) -> dict[str, str]:
        (job,) = [r for r in seen.values() if r.type.endswith(":CronJob") and r.name == "store-partitions"]
        (container,) = job.inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["partitions"]
        return {one["name"]: one.get("value", "") for one in container["env"]}

    assert env.KEEP_MONTHS not in given(registrations)
    assert given(changed)[env.KEEP_MONTHS] == '{"price_trends": 24}'


def test_changed_password_restarts_who_uses_it_and_nobody_else(
    registrations: dict[str, Registration],
) -> None:
    config = values()
    config["carbon:secrets"]["roles"]["model_server"] = "another-secret-000005"
    changed = registered(config).seen

    def templates(seen: dict[str, Registration]) -> dict[str, Any]:
        return {
            r.name: r.inputs["spec"]["template"]
            for r in seen.values()
            if r.type.split(":")[-1] in ("Deployment", "StatefulSet")
        }

    before, after = templates(registrations), templates(changed)
    assert {name for name in before if before[name] != after[name]} == {"model-server"}


def test_the_scaler_alone_decides_how_many_run(registrations: dict[str, Registration]) -> None:
    scaled = {r.name for r in registrations.values() if r.type.endswith(":HorizontalPodAutoscaler")}
    left = {r.name: r.ignores for r in registrations.values() if r.type.endswith(":Deployment") and r.ignores}
    assert left == dict.fromkeys(scaled, ("spec.replicas",))


def test_a_new_owner_leaves_volumes_as_they_were_made(registrations: dict[str, Registration]) -> None:
    """Their labels cannot change: a stateful set would be replaced, and its pods with it."""
    left = {r.name: r.ignores for r in registrations.values() if r.type.endswith(":StatefulSet")}
    assert left == dict.fromkeys(("kafka", "postgres"), ("spec.volumeClaimTemplates[0].metadata.labels",))


def test_keda_scales_on_the_lag_of_the_consumers_own_group() -> None:
    config = values()
    config["carbon:analytics_consumer"]["scaler"] = {
        "kind": "keda",
        "min_replicas": 3,
        "max_replicas": 6,
        "lag": 500,
    }
    config["carbon:services"] = {"keda": {}}
    seen = registered(config).seen
    (scaled,) = [r.inputs for r in seen.values() if r.type == "kubernetes:keda.sh/v1alpha1:ScaledObject"]
    assert scaled["spec"]["scaleTargetRef"] == {"name": "analytics-consumer"}
    (lag,) = [t["metadata"] for t in scaled["spec"]["triggers"] if t["type"] == "kafka"]
    assert lag["consumerGroup"] == "analytics-consumer"
    assert lag["topic"] == "commodity-prices"
    assert lag["lagThreshold"] == "500"
    scalers = {r.name for r in seen.values() if r.type.endswith(":HorizontalPodAutoscaler")}
    assert scalers == {
        "api-integration",
        "customer-consumer",
        "data-api",
        "data-quality",
        "data-quality-indicators",
        "indicator-consumer",
        "prediction-consumer",
        "model-server",
        "superset",
    }


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    else:
        yield value


def _plain(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if SECRET_MARK in value:
            return
        for key, inner in value.items():
            yield key
            yield from _plain(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _plain(inner)
    else:
        yield str(value)
