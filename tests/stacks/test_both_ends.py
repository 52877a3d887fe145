"""The gate's comparison of both ends: the stack agrees, and each mistake of its kind is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from infra.settings.workloads import WorkloadSettings
from infra.workloads.model_training import ModelTrainingSettings
from infra.workloads.price_pipeline import PricePipelineSettings
from tools.gate.cluster_objects import Objects, unmarked
from tools.gate.ends import broken

Manifests = list[dict[str, Any]]
Mutation = Callable[[Manifests], None]


@pytest.fixture(scope="module")
def stack(objects: Manifests) -> Manifests:
    return [unmarked(o) for o in objects]


def one(objects: Manifests, kind: str, name: str, namespace: str | None = None) -> Any:
    (found,) = [
        o
        for o in objects
        if (o["kind"], o["metadata"]["name"]) == (kind, name)
        and namespace in (None, o["metadata"].get("namespace"))
    ]
    return found


def pod(objects: Manifests, name: str, kind: str = "Deployment") -> Any:
    return one(objects, kind, name)["spec"]["template"]["spec"]


def container(objects: Manifests, name: str, kind: str = "Deployment") -> Any:
    return pod(objects, name, kind)["containers"][0]


def said(objects: Manifests) -> list[str]:
    return [text for _, text in broken(Objects(objects))]


def test_the_stack_agrees(stack: Manifests) -> None:
    assert said(stack) == []


def target_port(objects: Manifests) -> None:
    one(objects, "Service", "model-server")["spec"]["ports"][0]["targetPort"] = 8081


def selector_of_a_service(objects: Manifests) -> None:
    one(objects, "Service", "model-server")["spec"]["selector"]["app.kubernetes.io/name"] = "model-servers"


def probe(objects: Manifests) -> None:
    container(objects, "model-server")["readinessProbe"]["httpGet"]["port"] = 8099


def mount(objects: Manifests) -> None:
    container(objects, "model-server")["volumeMounts"][0]["name"] = "temp"


def secret(objects: Manifests) -> None:
    for volume in pod(objects, "model-server")["volumes"]:
        if "secret" in volume:
            volume["secret"]["secretName"] = "model-servers"


def key(objects: Manifests) -> None:
    data = one(objects, "Secret", "model-server")["data"]
    data["pg-password"] = data.pop("postgres-password")


def file(objects: Manifests) -> None:
    for variable in container(objects, "model-server")["env"]:
        if variable["name"] == "POSTGRES_PASSWORD_FILE":
            variable["value"] += ".txt"


def account(objects: Manifests) -> None:
    pod(objects, "model-server")["serviceAccountName"] = "model-servers"


def scaled(objects: Manifests) -> None:
    one(objects, "HorizontalPodAutoscaler", "model-server")["spec"]["scaleTargetRef"]["name"] = "server"


def budget(objects: Manifests) -> None:
    selector = one(objects, "PodDisruptionBudget", "model-server")["spec"]["selector"]
    selector["matchLabels"]["app.kubernetes.io/name"] = "server"


def path_to(objects: Manifests) -> None:
    for rule in one(objects, "NetworkPolicy", "model-server")["spec"]["egress"]:
        for peer in rule["to"]:
            labels = peer.get("podSelector", {}).get("matchLabels", {})
            if labels.get("app.kubernetes.io/name") == "postgres":
                labels["app.kubernetes.io/name"] = "postgresql"


def path_port(objects: Manifests) -> None:
    for rule in one(objects, "NetworkPolicy", "postgres")["spec"]["ingress"]:
        for port in rule["ports"]:
            port["port"] += 1


def role(objects: Manifests) -> None:
    for o in objects:
        if o["kind"] == "RoleBinding":
            o["roleRef"]["name"] = "reader"


def bound_account(objects: Manifests) -> None:
    for o in objects:
        if o["kind"] == "RoleBinding":
            o["subjects"][0]["name"] = "reader"


def claim(objects: Manifests) -> None:
    for o in objects:
        if o["kind"] == "PersistentVolumeClaim":
            o["metadata"]["name"] += "-2"


def config(objects: Manifests) -> None:
    one(objects, "ConfigMap", "prometheus")["metadata"]["name"] = "prometheus-files"


@pytest.mark.parametrize(
    ("mutation", "expected"),
    [
        (target_port, "targetPort 8081: Deployment/carbon/model-server has no such port"),
        (selector_of_a_service, "picks no pod"),
        (probe, "readinessProbe: container model-server has no port 8099"),
        (mount, "volume temp is mounted, and there is none"),
        (secret, "Secret model-servers is not made in namespace carbon"),
        (key, "volume secrets has no file postgres-password"),
        (file, "volume secrets has no file postgres-password.txt"),
        (account, "service account model-servers is not made"),
        (scaled, "it scales Deployment server, which is not made"),
        (budget, "its selector {'app.kubernetes.io/name': 'server'} picks no pod"),
        (path_to, "no pod of carbon is {'matchLabels': {'app.kubernetes.io/name': 'postgresql'}}"),
        (path_port, "ingress: nobody listens at port"),
        (role, "Role reader is not made"),
        (bound_account, "service account carbon-monitoring/reader is not made"),
        (claim, "is not made"),
        (config, "ConfigMap prometheus is not made in namespace carbon-monitoring"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_mistake_is_found(stack: Manifests, mutation: Mutation, expected: str) -> None:
    changed = copy.deepcopy(stack)
    mutation(changed)
    assert changed != stack
    assert [text for text in said(changed) if expected in text]


def small(**more: Any) -> Manifests:
    """A namespace with one pod that is known, and what operators read."""
    web: dict[str, Any] = {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "a"},
        "spec": {
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 80}]}
                    ]
                },
            }
        },
    }
    store = {
        "kind": "ClusterSecretStore",
        "metadata": {"name": "aws"},
        "spec": {"provider": {"aws": {"region": "eu-central-1"}}},
    }
    topic = {"kind": "KafkaTopic", "metadata": {"name": "prices", "namespace": "a"}, "spec": {}}
    return [web, store, topic, {"metadata": {"name": "x", "namespace": "a"}, **more}]


ACL = {"resource": {"type": "topic", "name": "prices", "patternType": "literal"}, "operations": ["Read"]}
MONITORED = {"matchLabels": {"app": "web"}}
REMOTE = {"key": "carbon/dev/redis", "property": "password"}


def external(store: str = "aws", **remote: Any) -> dict[str, Any]:
    return {
        "kind": "ExternalSecret",
        "spec": {
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": store},
            "target": {"name": "x"},
            "data": [{"secretKey": "p", "remoteRef": REMOTE | remote}],
        },
    }


def user(name: str) -> dict[str, Any]:
    acl = {**ACL, "resource": {**ACL["resource"], "name": name}}  # type: ignore[dict-item]
    return {"kind": "KafkaUser", "spec": {"authorization": {"acls": [acl]}}}


def monitor(port: str) -> dict[str, Any]:
    spec = {"selector": MONITORED, "podMetricsEndpoints": [{"port": port}]}
    return {"kind": "PodMonitor", "spec": spec}


def scaler(authentication: str) -> dict[str, Any]:
    triggers = [{"type": "kafka", "authenticationRef": {"name": authentication}}]
    return {"kind": "ScaledObject", "spec": {"scaleTargetRef": {"name": "web"}, "triggers": triggers}}


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        (external(), external("awz"), "ClusterSecretStore awz is not made"),
        (user("prices"), user("price"), "it has a right to the topic price, which is not made"),
        (monitor("http"), monitor("metrics"), "nobody whom its selector picks has the port metrics"),
        (None, scaler("kafka"), "TriggerAuthentication kafka is not made"),
    ],
)
def test_a_mistake_about_operators_is_found(right: Any, wrong: dict[str, Any], expected: str) -> None:
    if right is not None:
        assert said(small(**right)) == []
    assert said(small(**wrong)) == [expected]


def test_what_points_to_a_charts_pods_is_not_judged() -> None:
    policy = {"kind": "NetworkPolicy", "spec": {"podSelector": {"matchLabels": {"app": "grafana"}}}}
    assert [text for _, text in broken(Objects(small(**policy)))] != []
    assert list(broken(Objects(small(**policy), releases=frozenset({"a"})))) == []


def test_training_begins_once_the_days_prices_have_come() -> None:
    def minute(settings: type[WorkloadSettings]) -> int:
        at, hour, *_ = settings.model_fields["schedule"].default.split()
        return int(hour) * 60 + int(at)

    assert minute(ModelTrainingSettings) >= minute(PricePipelineSettings) + 60
