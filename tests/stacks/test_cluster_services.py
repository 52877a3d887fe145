"""What a cluster gets besides the platform: releases, their surroundings, their order."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from infra import charts
from infra.cluster import ClusterAccess
from infra.layers.cluster_services import OPERATORS, ClusterServices, ClusterServicesArgs
from infra.names import Names
from infra.platform import Platform, PlatformArgs
from infra.settings import Labels
from infra.settings.services import ServicesSettings
from policies import limits
from tests.stack import Recorder, Registration, platform, record
from tools.gate import charts as chart_data

RELEASE = "kubernetes:helm.sh/v3:Release"
LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")
NAMES = Names("test", "111122223333", "eu-central-1")
CLUSTER = ClusterAccess(
    kubeconfig="{}",
    identifier="carbon-test",
    api_cidrs=["10.0.8.0/24"],
    network_cidrs=["10.0.0.0/16"],
    balancer_cidrs=["10.0.12.0/24"],
)

ALL: dict[str, Any] = {
    "prometheus_crds": {},
    "storage": {},
    "metrics_server": {"replicas": 2},
    "cert_manager": {
        "replicas": 2,
        "acme": {"email": "platform@example.org", "zones": ["example.org"]},
        "certificates": {
            "registry": {"issuer": "internal", "namespace": "carbon", "names": ["mlflow.carbon.internal"]},
            "api": {"issuer": "public", "namespace": "carbon", "names": ["api.example.org"]},
        },
    },
    "external_secrets": {"replicas": 2},
    "karpenter": {
        "replicas": 2,
        "image": "bottlerocket@v1.64.0",
        "pools": {
            "general": {
                "capacity": ["spot", "on-demand"],
                "families": ["m7g", "m8g"],
                "architectures": ["arm64"],
                "cpu": "64",
                "memory": "256Gi",
            },
            "data": {
                "capacity": ["on-demand"],
                "families": ["r7g"],
                "architectures": ["arm64"],
                "cpu": "32",
                "memory": "256Gi",
                "dedicated": True,
                "consolidate": "empty",
            },
        },
    },
    "load_balancer_controller": {"replicas": 2, "bindings": {"api": "model-server"}},
    "kyverno": {},
    "keda": {"replicas": 2},
    "strimzi": {"replicas": 2},
    "cloudnative_pg": {
        "replicas": 2,
        "barman_cloud": {"cpu": "50m", "memory": "128Mi", "memory_limit": "256Mi"},
    },
}


def install(settings: dict[str, Any], names: Names | None = NAMES) -> Recorder:
    def program() -> ClusterServices:
        provider = k8s.Provider("cluster", kubeconfig="{}")
        args = ClusterServicesArgs(
            labels=LABELS, cluster=CLUSTER, settings=ServicesSettings(**settings), names=names, after=[]
        )
        return ClusterServices("services", args, pulumi.ResourceOptions(providers=[provider]))

    return record(program)


def whole(services: dict[str, Any]) -> Recorder:
    """The local stack's platform with these services."""
    settings = platform().model_copy(update={"services": ServicesSettings(**services)})
    args = PlatformArgs(
        labels=LABELS,
        settings=settings,
        cluster=CLUSTER,
        names=NAMES,
        limits=limits.of("local"),
        exceptions=(),
    )
    return record(lambda: Platform("carbon", args))


@pytest.fixture(scope="module")
def everything() -> Recorder:
    return install(ALL)


def releases(recorded: Recorder) -> dict[str, Registration]:
    return {r.inputs["name"]: r for r in recorded.seen.values() if r.type == RELEASE}


def objects(recorded: Recorder, kind: str) -> dict[str, Registration]:
    return {r.inputs["metadata"]["name"]: r for r in recorded.seen.values() if r.inputs.get("kind") == kind}


def waits_for(recorded: Recorder, later: str, earlier: str) -> bool:
    """Whether a resource comes after another, directly or by way of a third, or of its parents."""
    todo, known = [later], set[str]()
    while todo:
        urn = todo.pop()
        if urn == earlier:
            return True
        if urn in known or urn not in recorded.seen:
            continue
        known.add(urn)
        r = recorded.seen[urn]
        todo += [*r.depends_on, r.parent]
    return False


def test_component_types_stay(everything: Recorder) -> None:
    """A token that changes replaces all that is below it: add an alias before changing this list."""
    assert {r.type for r in everything.seen.values() if r.is_component} == {
        "carbon:platform:ClusterServices",
        "carbon:cluster:Namespace",
        "carbon:services:CertManager",
        "carbon:services:CloudNativePg",
        "carbon:services:ExternalSecrets",
        "carbon:services:Karpenter",
        "carbon:services:Keda",
        "carbon:services:Kyverno",
        "carbon:services:LoadBalancerController",
        "carbon:services:MetricsServer",
        "carbon:services:Priorities",
        "carbon:services:PrometheusCrds",
        "carbon:services:Storage",
        "carbon:services:Strimzi",
    }


def test_each_release_is_a_pinned_chart_by_its_own_name(everything: Recorder) -> None:
    table = {chart.name: chart for chart in charts.ALL}
    found = releases(everything)
    assert set(found) == {
        "aws-load-balancer-controller",
        "cert-manager",
        "cloudnative-pg",
        "external-secrets",
        "karpenter",
        "keda",
        "kyverno",
        "metrics-server",
        "plugin-barman-cloud",
        "prometheus-operator-crds",
        "strimzi-kafka-operator",
    }
    for name, release in found.items():
        chart = table[name]
        inputs = release.inputs
        assert inputs["version"] == chart.version
        if chart.repository.startswith("oci://"):
            assert inputs["chart"] == f"{chart.repository}/{name}"
        else:
            assert inputs["chart"] == name
            assert inputs["repositoryOpts"] == {"repo": chart.repository}


def test_a_failed_release_leaves_nothing_half_done(everything: Recorder) -> None:
    for release in releases(everything).values():
        assert release.inputs["atomic"] is True
        assert release.inputs["cleanupOnFail"] is True
        assert release.inputs["timeout"] >= 300


def test_charts_know_every_value(everything: Recorder) -> None:
    for name, release in releases(everything).items():
        chart = chart_data.load(name)
        values = release.inputs.get("values") or {}
        assert values == {} or chart is not None, name
        if chart is not None:
            assert [message for _, message, _ in chart_data.check_values(chart, values).wrong] == []


def test_a_release_comes_after_its_namespace_and_its_paths(everything: Recorder) -> None:
    namespaces = objects(everything, "Namespace")
    policies = [r for r in everything.seen.values() if r.inputs.get("kind") == "NetworkPolicy"]
    for name, release in releases(everything).items():
        namespace = release.inputs["namespace"]
        if namespace != "kube-system":
            assert waits_for(everything, release.urn, namespaces[namespace].urn), name
        if name != "prometheus-operator-crds":
            own = [p for p in policies if p.inputs["metadata"]["namespace"] == namespace]
            assert any(waits_for(everything, release.urn, p.urn) for p in own), name
        assert not release.inputs["createNamespace"]


def test_objects_come_after_what_defines_them(everything: Recorder) -> None:
    found = releases(everything)
    for kind, chart in (
        ("ClusterIssuer", "cert-manager"),
        ("Certificate", "cert-manager"),
        ("ClusterSecretStore", "external-secrets"),
        ("EC2NodeClass", "karpenter"),
        ("NodePool", "karpenter"),
        ("PodMonitor", "prometheus-operator-crds"),
    ):
        those = objects(everything, kind)
        assert those, kind
        for r in those.values():
            assert waits_for(everything, r.urn, found[chart].urn), r.urn


def test_monitors_come_after_their_definitions_and_certificates_after_cert_manager(
    everything: Recorder,
) -> None:
    found = releases(everything)
    definitions = found.pop("prometheus-operator-crds")
    for release in found.values():
        assert waits_for(everything, release.urn, definitions.urn), release.name
    for name in ("metrics-server", "plugin-barman-cloud"):
        assert waits_for(everything, found[name].urn, found["cert-manager"].urn)


def test_all_but_the_clusters_own_comes_after_its_nodes(everything: Recorder) -> None:
    pools = objects(everything, "NodePool")
    for name in ("kyverno", "keda", "strimzi-kafka-operator", "cloudnative-pg"):
        release = releases(everything)[name]
        assert all(waits_for(everything, release.urn, pool.urn) for pool in pools.values()), name


def test_kyverno_is_not_asked_about_any_operator(everything: Recorder) -> None:
    values = releases(everything)["kyverno"].inputs["values"]
    (outside,) = values["config"]["webhooks"]["namespaceSelector"]["matchExpressions"]
    assert outside["operator"] == "NotIn"
    made = set(objects(everything, "Namespace"))
    assert {"kube-system", *made} == set(outside["values"]) == set(OPERATORS)


def test_operators_take_restricted_pods_and_closed_networks(everything: Recorder) -> None:
    policies = [r.inputs for r in everything.seen.values() if r.inputs.get("kind") == "NetworkPolicy"]
    for name, namespace in objects(everything, "Namespace").items():
        labels = namespace.inputs["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        closed = [p for p in policies if p["metadata"]["namespace"] == name and not p["spec"].get("ingress")]
        assert any(p["metadata"]["name"] == "default-deny" for p in closed)
    for p in policies:
        if p["metadata"]["namespace"] == "kube-system":
            assert p["spec"]["podSelector"]["matchLabels"], "it would close the cluster's DNS"


def test_what_is_left_out_is_not_there() -> None:
    alone = install({"keda": {}})
    assert set(releases(alone)) == {"keda"}
    assert "serviceMonitor" in releases(alone)["keda"].inputs["values"]["prometheus"]["operator"]
    assert not releases(alone)["keda"].inputs["values"]["prometheus"]["operator"]["serviceMonitor"]["enabled"]
    kinds = {r.inputs.get("kind") for r in alone.seen.values()}
    assert kinds & {"ClusterIssuer", "NodePool", "ClusterSecretStore", "StorageClass", "PodMonitor"} == set()


def test_nothing_is_scraped_before_there_are_monitors() -> None:
    assert objects(install({"strimzi": {}}), "PodMonitor") == {}


def test_what_needs_aws_says_so() -> None:
    with pytest.raises(ValueError, match=r"storage, external_secrets.*no carbon:aws.*Remedy"):
        install({"storage": {}, "external_secrets": {}}, names=None)


def test_secrets_go_to_the_platforms_namespaces_only(everything: Recorder) -> None:
    (store,) = objects(everything, "ClusterSecretStore").values()
    assert store.inputs["spec"]["conditions"] == [{"namespaces": ["carbon", "carbon-monitoring", "velero"]}]
    assert "auth" not in store.inputs["spec"]["provider"]["aws"]


def test_the_platform_puts_its_pods_behind_their_public_names() -> None:
    recorded = whole({"load_balancer_controller": {"bindings": {"api": "model-server"}}})
    (binding,) = objects(recorded, "TargetGroupBinding").values()
    assert binding.inputs["spec"]["targetGroupName"] == NAMES.target_group("api")
    assert binding.inputs["spec"]["serviceRef"] == {"name": "model-server", "port": 8080}
    assert waits_for(recorded, binding.urn, releases(recorded)["aws-load-balancer-controller"].urn)
    (bound,) = [
        r.inputs
        for r in recorded.seen.values()
        if r.inputs.get("kind") == "Service"
        and r.inputs["metadata"]["namespace"] == binding.inputs["metadata"]["namespace"]
        and r.inputs["metadata"]["name"] == "model-server"
    ]
    assert 8080 in [p["port"] for p in bound["spec"]["ports"]]


def test_the_platforms_parts_come_after_the_services() -> None:
    recorded = whole({"strimzi": {}})
    operator = releases(recorded)["strimzi-kafka-operator"]
    (sets,) = [r for r in objects(recorded, "StatefulSet").values() if r.parent.endswith("Kafka::kafka")]
    assert waits_for(recorded, sets.urn, operator.urn)
    # It has rights in the platform's namespace, so that comes first.
    assert waits_for(recorded, operator.urn, objects(recorded, "Namespace")["carbon"].urn)


def test_every_component_says_that_it_is_complete(everything: Recorder) -> None:
    components = {r.urn for r in everything.seen.values() if r.is_component}
    assert components <= everything.completed.keys()


def test_every_object_is_named_after_its_component(everything: Recorder) -> None:
    for r in everything.seen.values():
        if r.type.startswith("kubernetes:"):
            parent = everything.seen[r.parent]
            assert r.name == parent.name or r.name.startswith(f"{parent.name}-"), r.urn
