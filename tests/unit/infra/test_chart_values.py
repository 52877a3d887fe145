"""Values of the operators' charts: what they do with replicas, monitors, rights and priorities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifests.charts import (
    barman_cloud,
    cert_manager,
    cloudnative_pg,
    external_secrets,
    karpenter,
    keda,
    kyverno,
    load_balancer_controller,
    metrics_server,
    strimzi,
)
from infra.manifests.resources import priority
from infra.names import Names
from infra.settings import Resources
from infra.settings.services import (
    CertManagerSettings,
    CloudNativePgOperator,
    ExternalSecretsOperator,
    KarpenterSettings,
    KedaOperator,
    KyvernoOperator,
    LoadBalancerControllerSettings,
    MetricsServerSettings,
    ServicesSettings,
    Spacious,
    StrimziOperator,
)

NAMES = Names("prod", "111122223333", "eu-central-1")
RESOURCES = Resources(cpu="70m", memory="100Mi", cpu_limit="3", memory_limit="300Mi")
POOL: dict[str, Any] = {
    "capacity": ["on-demand"],
    "families": ["m7g"],
    "architectures": ["arm64"],
    "cpu": "10",
    "memory": "40Gi",
}


def nodes(**changes: Any) -> KarpenterSettings:
    given = {"image": "bottlerocket@v1.64.0", "pools": {"general": POOL}, "resources": RESOURCES, **changes}
    return KarpenterSettings.model_validate(given)


VALUES: dict[str, Callable[[int, bool], dict[str, Any]]] = {
    "strimzi": lambda replicas, _: strimzi.values(
        StrimziOperator(replicas=replicas, resources=RESOURCES), namespaces=["carbon"], domain="cluster.local"
    ),
    "cloudnative-pg": lambda replicas, monitored: cloudnative_pg.values(
        CloudNativePgOperator(replicas=replicas, resources=RESOURCES), monitored=monitored
    ),
    "kyverno": lambda replicas, monitored: kyverno.values(
        KyvernoOperator(replicas=replicas, resources=RESOURCES), excluded=["keda"], monitored=monitored
    ),
    "external-secrets": lambda replicas, monitored: external_secrets.values(
        ExternalSecretsOperator(replicas=replicas, resources=RESOURCES), account="es", monitored=monitored
    ),
    "cert-manager": lambda replicas, monitored: cert_manager.values(
        CertManagerSettings(replicas=replicas, resources=RESOURCES), account="cm", monitored=monitored
    ),
    "metrics-server": lambda replicas, monitored: metrics_server.values(
        MetricsServerSettings(replicas=replicas, resources=RESOURCES), certified=True, monitored=monitored
    ),
    "keda": lambda replicas, monitored: keda.values(
        KedaOperator(replicas=replicas, resources=RESOURCES),
        cluster="c",
        domain="cluster.local",
        monitored=monitored,
    ),
    "karpenter": lambda replicas, monitored: karpenter.values(
        nodes(replicas=replicas), names=NAMES, account="karpenter", monitored=monitored
    ),
    "load-balancer-controller": lambda replicas, monitored: load_balancer_controller.values(
        LoadBalancerControllerSettings(replicas=replicas, resources=RESOURCES),
        names=NAMES,
        account="lbc",
        monitored=monitored,
    ),
}
WITHOUT_OWN_BUDGET = {"cloudnative-pg", "karpenter"}
"""The first chart has no budget at all, the second always has one of at most one pod away."""


def found(values: Any, key: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a key, at whatever depth, with its path."""
    if isinstance(values, dict):
        for name, inner in values.items():
            if name == key:
                yield f"{path}.{name}", inner
            yield from found(inner, key, f"{path}.{name}")


def budgets(values: dict[str, Any]) -> list[bool]:
    """Of each budget that a chart is told of, whether there is one."""
    told: list[bool] = []
    for _, budget in found(values, "podDisruptionBudget"):
        for one in budget.values() if "operator" in budget else [budget]:
            told.append(bool(one) and one.get("enabled", True))
    return told


@pytest.mark.parametrize("name", sorted(VALUES.keys() - WITHOUT_OWN_BUDGET))
def test_a_lone_pod_has_no_budget_and_several_have_one(name: str) -> None:
    """With a budget, the node of a lone pod could never be drained."""
    alone, several = budgets(VALUES[name](1, False)), budgets(VALUES[name](3, False))
    assert several
    assert all(several)
    assert len(alone) == len(several)
    assert not any(alone)


@pytest.mark.parametrize("name", sorted(VALUES))
def test_replicas_are_those_that_the_settings_say(name: str) -> None:
    def counts(replicas: int) -> list[int]:
        values = VALUES[name](replicas, False)
        return [n for key in ("replicas", "replicaCount") for _, n in found(values, key)]

    assert set(counts(1)) == {1}
    assert max(counts(3)) == 3
    assert min(counts(3)) > 1


@pytest.mark.parametrize("name", sorted(VALUES.keys() - {"strimzi"}))
def test_monitors_are_there_when_their_definitions_are(name: str) -> None:
    def monitors(values: dict[str, Any]) -> list[bool]:
        keys = ("serviceMonitor", "servicemonitor")
        on = [m["enabled"] for key in keys for _, m in found(values, key)]
        return on + [m for _, m in found(values, "podMonitorEnabled")]

    without, with_them = monitors(VALUES[name](2, False)), monitors(VALUES[name](2, True))
    assert with_them
    assert all(with_them)
    assert not any(without)


@pytest.mark.parametrize("name", sorted(VALUES))
def test_every_pod_has_the_settings_requests_and_limits(name: str) -> None:
    told = [r for _, r in found(VALUES[name](2, False), "resources")]
    each = [one for r in told for one in ([r] if "requests" in r else r.values())]
    asked = {"requests": {"cpu": "70m", "memory": "100Mi"}, "limits": {"cpu": "3", "memory": "300Mi"}}
    assert each
    assert all(one == asked for one in each)


@pytest.mark.parametrize(
    "name", sorted(VALUES.keys() - {"karpenter", "metrics-server", "load-balancer-controller"})
)
def test_operators_outlast_workloads_on_a_full_cluster(name: str) -> None:
    """The charts of the three others say system-cluster-critical themselves."""
    classes = {c for _, c in found(VALUES[name](2, False), "priorityClassName")}
    assert classes == {priority.OPERATORS}


def test_pods_of_one_deployment_go_apart() -> None:
    """A constraint that selects no pod of its own deployment would do nothing."""
    selected = {
        name: [
            c["labelSelector"]["matchLabels"]
            for _, told in found(make(2, False), "topologySpreadConstraints")
            for constraints in (told.values() if isinstance(told, dict) else [told])
            for c in constraints
        ]
        for name, make in VALUES.items()
        if name != "karpenter"
    }
    assert all(selected.values())
    component, app = "app.kubernetes.io/component", "app.kubernetes.io/name"
    assert {tuple(s.items()) for s in selected["kyverno"]} == {
        ((component, f"{part}-controller"),) for part in ("admission", "background", "cleanup", "reports")
    }
    assert {s[app] for s in selected["keda"]} == {
        "keda-operator",
        "keda-operator-metrics-apiserver",
        "keda-admission-webhooks",
    }
    assert {s[app] for s in selected["external-secrets"]} == {
        "external-secrets",
        "external-secrets-webhook",
        "external-secrets-cert-controller",
    }


def test_strimzi_has_rights_only_where_there_is_kafka() -> None:
    values = VALUES["strimzi"](2, False)
    assert values["watchNamespaces"] == ["carbon"]
    assert not values.get("watchAnyNamespace")


def test_external_secrets_read_and_do_not_write() -> None:
    values = VALUES["external-secrets"](2, True)
    assert values["serviceAccount"]["name"] == "es"
    assert values["processPushSecret"] is values["processClusterPushSecret"] is False
    assert not any(values["rbac"].values()), "who may edit a namespace would read the platform's secrets"


def test_more_than_one_external_secrets_elects_a_leader() -> None:
    assert VALUES["external-secrets"](2, False)["leaderElect"]
    assert not VALUES["external-secrets"](1, False)["leaderElect"]


def test_keda_has_no_rights_on_whatever_has_a_scale() -> None:
    assert VALUES["keda"](1, False)["rbac"] == {"enabledCustomScaledRefKinds": False}


def test_kyverno_is_not_asked_about_the_clusters_own() -> None:
    (outside,) = VALUES["kyverno"](1, False)["config"]["webhooks"]["namespaceSelector"]["matchExpressions"]
    assert outside["values"] == ["keda", "kube-system"]


@pytest.mark.parametrize(("certified", "kind"), [(True, "cert-manager"), (False, "metrics-server")])
def test_metrics_are_verified_where_somebody_signs(certified: bool, kind: str) -> None:
    values = metrics_server.values(MetricsServerSettings(), certified=certified, monitored=False)
    assert values["tls"]["type"] == kind
    assert values["apiService"]["insecureSkipTLSVerify"] is not certified


def test_karpenter_finds_its_cluster_and_its_queue() -> None:
    values = VALUES["karpenter"](2, True)
    assert values["serviceAccount"]["name"] == "karpenter"
    assert values["settings"]["clusterName"] == NAMES.cluster
    assert values["settings"]["interruptionQueue"] == NAMES.interruption_queue


def test_load_balancer_controller_makes_no_load_balancer() -> None:
    values = VALUES["load-balancer-controller"](2, True)
    assert values["clusterName"] == NAMES.cluster
    assert values["vpcTags"] == {"Name": NAMES.vpc}
    assert values["createIngressClassResource"] is values["enableServiceMutatorWebhook"] is False
    assert values["ingressClassParams"] == {"create": False}


def test_barman_cloud_runs_once() -> None:
    assert barman_cloud.values(RESOURCES)["replicaCount"] == 1


@pytest.mark.parametrize(
    ("settings", "deployments", "few"),
    [
        (KyvernoOperator(replicas=5), 4, 2),
        (ExternalSecretsOperator(replicas=5), 3, 5),
        (KedaOperator(replicas=5), 3, 5),
        (CertManagerSettings(replicas=5), 3, 5),
        (StrimziOperator(replicas=5), 1, 5),
        (CloudNativePgOperator(replicas=5), 1, 5),
    ],
)
def test_quota_holds_every_pod_and_one_more_of_each_deployment(
    settings: Spacious, deployments: int, few: int
) -> None:
    """An update that met the quota would stop half-way."""
    pods = settings.replicas + 1 + (deployments - 1) * (few + 1)
    each, quota = settings.resources, settings.quota
    assert pods <= quota.pods
    assert pods * _quantity(each.memory_limit) <= _quantity(quota.memory_limit)
    assert pods * _quantity(each.memory) <= _quantity(quota.memory)
    assert pods * _quantity(each.cpu) <= _quantity(quota.cpu)


def _quantity(text: str) -> float:
    units = {"m": 1e-3, "Mi": 2**20, "Gi": 2**30, "": 1}
    digits = text.rstrip("MGim")
    return int(digits) * units[text[len(digits) :]]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"karpenter": {"image": "bottlerocket@latest", "pools": {"general": POOL}}}, "name a release"),
        ({"karpenter": {"image": "al2@v20250101", "pools": {"general": POOL}}}, "image"),
        ({"karpenter": {"image": "al2023@v20250101", "pools": {}}}, "pools"),
        (
            {
                "karpenter": {
                    "image": "al2023@v20250101",
                    "pools": {"general": {**POOL, "capacity": ["spot"]}},
                }
            },
            "alone with spot",
        ),
        (
            {
                "karpenter": {
                    "image": "al2023@v20250101",
                    "pools": {"general": {**POOL, "least_cpus": 8, "most_cpus": 4}},
                }
            },
            "least_cpus 8 is above most_cpus 4",
        ),
        (
            {"cloudnative_pg": {"barman_cloud": {"cpu": "1", "memory": "1Gi", "memory_limit": "1Gi"}}},
            "needs cert_manager",
        ),
        (
            {
                "cert_manager": {
                    "certificates": {
                        "api": {"issuer": "public", "namespace": "carbon", "names": ["api.example.org"]}
                    }
                }
            },
            "certificates api are public, and there is no acme",
        ),
        ({"load_balancer_controller": {"bindings": {"api": "grafana"}}}, "model-server"),
        ({"strimzy": {}}, "Extra inputs"),
    ],
)
def test_settings_refuse(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ServicesSettings.model_validate(settings)


def test_a_stack_has_no_service_unless_it_says_so() -> None:
    assert not ServicesSettings().in_use
    assert ServicesSettings.model_validate({"keda": {}}).in_use


def test_services_say_what_needs_aws() -> None:
    assert ServicesSettings.model_validate({"keda": {}, "strimzi": {}, "cert_manager": {}}).needs_aws == []
    acme = {"email": "platform@example.org", "zones": ["example.org"]}
    needing = ServicesSettings.model_validate({"storage": {}, "cert_manager": {"acme": acme}}).needs_aws
    assert needing == ["storage", "cert_manager.acme"]
