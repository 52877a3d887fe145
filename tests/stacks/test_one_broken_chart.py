"""One chart that does not come up holds back what asks something of it, and nothing else."""

from __future__ import annotations

import pytest

from infra.settings.services import ServicesSettings
from tests.stack import Recorder
from tests.stacks.test_cluster_services import ALL, RELEASE
from tests.stacks.test_data_services import build, managed

EVERYBODY = {"karpenter", "prometheus-operator-crds"}
"""Charts that all others wait for: nodes, and definitions of the monitors that operators come with."""

_TENANTS = {"local-pilot-one", "local-pilot-two"}
_STORE_CLIENTS = {
    *_TENANTS,
    "analytics-consumer",
    "api-integration",
    "customer-consumer",
    "customer-daily",
    "customer-metrics",
    "data-api",
    "data-quality",
    "data-quality-indicators",
    "download-worker",
    "forecast-run",
    "indicator-consumer",
    "keycloak",
    "keycloak-prepare",
    "migrations",
    "mlflow",
    "model-monitor",
    "model-server",
    "model-training",
    "postgres-exporter",
    "prediction-consumer",
    "price-pipeline",
    "price-replay",
    "store-partitions",
    "superset",
    "superset-prepare",
    "trino",
    "warehouse-connect",
    "warehouse-etl",
    "warehouse-maintenance",
}
_POSTGRES = {"postgres", *_STORE_CLIENTS}

HELD_BACK: dict[str, set[str]] = {
    "aws-load-balancer-controller": {"public-api"},
    # The operator's plugin and the cache have certificates of it.
    "cert-manager": {"cloudnative-pg", "cnpg-system", "metrics-server", "redis", *_POSTGRES},
    "cloudnative-pg": _POSTGRES,
    "external-secrets": {"egress-proxy", "redis", *_POSTGRES},
    "keda": {"analytics-consumer"},
    "kyverno": {"admission"},
    "metrics-server": set(),
    "mlflow": set(),
    "plugin-barman-cloud": _POSTGRES,
    "strimzi-kafka-operator": {
        *_TENANTS,
        "analytics-consumer",
        "api-integration",
        "customer-consumer",
        "customer-daily",
        "customer-metrics",
        "data-api",
        "data-quality",
        "data-quality-indicators",
        "forecast-run",
        "indicator-consumer",
        "kafka",
        "prediction-consumer",
        "price-pipeline",
        "price-replay",
        "warehouse-connect",
        "warehouse-etl",
        "warehouse-maintenance",
    },
    "valkey": set(),
}
"""Chart → the components that wait for it."""

_LAYERS = {"cluster", "data", "edge", "operations", "services", "tenants", "workloads"}


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return build(managed(services=ServicesSettings.model_validate(ALL)))


def held_back(recorded: Recorder, release: str) -> set[str]:
    """Names of the components in which something comes after a release, directly or by way of others."""
    (broken,) = [u for u, r in recorded.seen.items() if r.type == RELEASE and r.inputs["name"] == release]
    stuck, before = {broken}, 0
    while len(stuck) > before:
        before = len(stuck)
        stuck |= {u for u, r in recorded.seen.items() if {*r.depends_on, r.parent} & stuck}
    inside = {recorded.seen[u].parent for u in stuck - {broken}}
    own = recorded.seen[broken].parent
    return {recorded.seen[u].name for u in inside - {own} if u in recorded.seen}


def test_a_chart_that_does_not_come_up_holds_back_those_who_need_it(recorded: Recorder) -> None:
    charts = {r.inputs["name"] for r in recorded.seen.values() if r.type == RELEASE}
    found = {chart: held_back(recorded, chart) - _LAYERS for chart in charts - EVERYBODY}
    assert found == HELD_BACK


def test_what_all_wait_for_asks_for_nothing_else(recorded: Recorder) -> None:
    """Whom they hold back, they do not wait for: the definitions for none, the nodes for those alone."""
    for chart in EVERYBODY:
        before = {other for other in HELD_BACK if _comes_after(recorded, chart, other)}
        assert before == set()


def _comes_after(recorded: Recorder, chart: str, other: str) -> bool:
    (mine,) = [r for r in recorded.seen.values() if r.type == RELEASE and r.inputs["name"] == chart]
    return recorded.seen[mine.parent].name in held_back(recorded, other)
