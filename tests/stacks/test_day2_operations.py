"""Monitoring, recovery and cost of a stack at AWS, as it registers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from infra.components.services.base import ClusterSite
from infra.layers import operation_kinds as operations
from infra.layers.operation_kinds import OperationSite
from infra.manifests.alerts import rule_groups
from infra.manifests.network import Paths
from infra.names import Names
from infra.paths import NetworkPaths
from infra.settings import Labels
from infra.settings.cost import KubecostSettings
from infra.settings.monitoring import KubePrometheusStackSettings
from infra.settings.recovery import VeleroSettings
from infra.settings.secrets import ExternalSecretsSettings
from infra.settings.tenants import TenantBudget
from tests.stack import Registration, record
from workloads.kit.contracts.platform import DECLARED

IDENTITY = Labels(environment="prod", owner="o", team="t", product="carbon", cost_center="c")
NAMES = Names("prod", "111122223333", "eu-central-1")
SMALL: dict[str, Any] = {"resources": {"cpu": "100m", "memory": "256Mi", "memory_limit": "1Gi"}}
STORED: dict[str, Any] = {**SMALL, "storage": {"size": "10Gi"}}
MONITORING = {
    "kind": "kube-prometheus-stack",
    "operator": SMALL,
    "prometheus": STORED,
    "alertmanager": {**STORED, "receivers": {"slack_channel": "#alerts"}},
    "postgres_exporter": SMALL,
    "kube_state_metrics": SMALL,
    "node_exporter": SMALL,
    "grafana": SMALL,
}
RECOVERY = {
    "kind": "velero",
    "schedules": {
        "daily": {"cron": "30 3 * * *", "every_hours": 24, "keep_days": 30},
        "hourly": {"cron": "15 * * * *", "every_hours": 1, "keep_days": 2, "only_platform": True},
    },
    "resources": SMALL["resources"],
    "node_agent": SMALL["resources"],
}
COST = {"kind": "kubecost", "resources": SMALL["resources"]}
BUDGET = TenantBudget(monthly_usd=100, emails=["owner@example.org"])


def site(names: Names | None = NAMES) -> OperationSite:
    return OperationSite(
        site=ClusterSite(
            identity=IDENTITY,
            api_cidrs=["10.0.0.0/20"],
            network_cidrs=["10.0.0.0/16"],
            domain="cluster.local",
            monitored=True,
        ),
        cluster="carbon-prod",
        names=names,
        secrets=ExternalSecretsSettings.model_validate({"kind": "external"}),
    )


def program(at: OperationSite) -> None:
    operations.prometheus(
        at,
        KubePrometheusStackSettings.model_validate(MONITORING),
        targets=NetworkPaths(running=DECLARED, api_cidrs=[], domain="cluster.local").targets(),
        rule_groups=rule_groups({"daily": 24}),
        paths=Paths(),
        alerting=Paths(),
        opts=pulumi.ResourceOptions(),
    )
    operations.velero(at, VeleroSettings.model_validate(RECOVERY), pulumi.ResourceOptions())
    operations.kubecost(
        at, KubecostSettings.model_validate(COST), {"production-pilot-one": BUDGET}, pulumi.ResourceOptions()
    )


@pytest.fixture(scope="module")
def seen() -> Mapping[str, Registration]:
    return record(lambda: program(site())).seen


def one(seen: Mapping[str, Registration], kind: str, name: str) -> Registration:
    (found,) = [r for r in seen.values() if r.type.endswith(f":{kind}") and r.name == name]
    return found


def releases(seen: Mapping[str, Registration]) -> dict[str, Registration]:
    return {r.inputs["name"]: r for r in seen.values() if r.type == "kubernetes:helm.sh/v3:Release"}


def test_each_is_a_release_of_its_pinned_chart(seen: Mapping[str, Registration]) -> None:
    assert {name: r.inputs["version"] for name, r in releases(seen).items()} == {
        "kube-prometheus-stack": "88.5.3",
        "velero": "12.1.0",
        "kubecost": "3.2.1",
    }


def test_types_stay(seen: Mapping[str, Registration]) -> None:
    """A token that changes replaces all that is below it: add an alias before changing this list."""
    assert {r.type for r in seen.values() if r.is_component} == {
        "carbon:monitoring:KubePrometheusStack",
        "carbon:recovery:Velero",
        "carbon:cost:Kubecost",
        "carbon:cluster:Namespace",
    }


def test_no_value_of_a_release_holds_a_secret(seen: Mapping[str, Registration]) -> None:
    """Releases keep their values in the cluster for whoever reads its Secrets."""

    def keys(values: Any) -> set[str]:
        if isinstance(values, dict):
            return set(values) | set[str]().union(*map(keys, values.values()))
        return set[str]().union(*map(keys, values)) if isinstance(values, list) else set()

    for release in releases(seen).values():
        told = {key.lower() for key in keys(release.inputs["values"])}
        assert not told & {
            "adminpassword",
            "api_url",
            "routing_key",
            "service_key",
            "secretcontents",
            "password",
        }


def test_secrets_are_there_before_what_reads_them(seen: Mapping[str, Registration]) -> None:
    for release, secret in (
        ("velero", "velero-repo-credentials"),
        ("kube-prometheus-stack", "kube-prometheus-stack-alertmanager-receivers"),
        ("kube-prometheus-stack", "kube-prometheus-stack-grafana-admin"),
    ):
        assert one(seen, "ExternalSecret", secret).urn in releases(seen)[release].depends_on


def test_custom_resources_come_after_their_operator(seen: Mapping[str, Registration]) -> None:
    for release, kinds in (
        ("velero", ("BackupStorageLocation", "VolumeSnapshotLocation")),
        ("kube-prometheus-stack", ("PodMonitor", "PrometheusRule")),
    ):
        found = [r for r in seen.values() if r.type.split(":")[-1] in kinds]
        assert {r.type.split(":")[-1] for r in found} == set(kinds)
        assert all(releases(seen)[release].urn in r.depends_on for r in found)
    locations = {r.urn for r in seen.values() if r.type.endswith("Location")}
    for schedule in ("velero-daily", "velero-hourly"):
        assert locations <= one(seen, "Schedule", schedule).depends_on


def test_closed_paths_come_before_the_pods(seen: Mapping[str, Registration]) -> None:
    for release in releases(seen).values():
        before = [urn for urn in release.depends_on if "NetworkPolicy" in urn]
        assert before, release.name


def test_a_budget_of_a_tenant_is_told_to_kubecost(seen: Mapping[str, Registration]) -> None:
    values = releases(seen)["kubecost"].inputs["values"]
    (budget,) = values["kubecostProductConfigs"]["budgets"]["budgetsConfig"]
    assert budget["values"]["namespace"] == ["production-pilot-one"]


def test_names_of_prometheus_and_alertmanager_are_those_of_the_runbooks(
    seen: Mapping[str, Registration],
) -> None:
    services = {
        r.inputs["metadata"]["name"]: r.inputs["spec"]["ports"][0]["port"]
        for r in seen.values()
        if r.type == "kubernetes:core/v1:Service"
    }
    assert services == {"prometheus": 9090, "alertmanager": 9093}


@pytest.mark.parametrize("section", ["recovery", "monitoring.alertmanager.receivers"])
def test_what_has_secrets_at_aws_says_so_where_there_is_none(section: str) -> None:
    def asked() -> None:
        if section == "recovery":
            operations.velero(site(None), VeleroSettings.model_validate(RECOVERY), pulumi.ResourceOptions())
        else:
            program(site(None))

    with pytest.raises(pulumi.RunError, match=f"carbon:{section} has secrets in AWS Secrets Manager"):
        record(asked)
