"""Custom resources and network paths of the cluster services."""

from __future__ import annotations

from typing import Any

import pytest

from infra.manifests.resources import (
    certificates,
    karpenter,
    load_balancer,
    priority,
    secret_store,
    service_network,
    storage,
)
from infra.manifests.resources.service_network import Pods, Reach
from infra.names import Names
from infra.settings import Labels
from infra.settings.services import Acme, Certificate, KarpenterSettings

LABELS = Labels(environment="prod", owner="o", team="t", product="carbon", cost_center="c")
NAMES = Names("prod", "111122223333", "eu-central-1")
POOL: dict[str, Any] = {
    "capacity": ["spot", "on-demand"],
    "families": ["m7g", "m8g"],
    "architectures": ["arm64"],
    "cpu": "10",
    "memory": "40Gi",
}


def settings(image: str = "bottlerocket@v1.64.0", **pool: Any) -> KarpenterSettings:
    return KarpenterSettings.model_validate(
        {"image": image, "disk": "80Gi", "pools": {"data": {**POOL, **pool}}}
    )


def node_pool(**pool: Any) -> dict[str, Any]:
    return karpenter.node_pool(LABELS, "data", settings(**pool).pools["data"])["spec"]


def policy(reach: Reach, **shared: Any) -> dict[str, Any]:
    return service_network.policy(
        "one", "ns", {}, reach, api_cidrs=["10.0.8.0/24"], network_cidrs=["10.0.0.0/16"], **shared
    )["spec"]


def ports(rules: list[dict[str, Any]], peer: dict[str, Any]) -> set[int]:
    """Ports that are open to or from a peer."""
    return {
        p["port"]
        for r in rules
        for p in r["ports"]
        for other in r.get("from", r.get("to", []))
        if other == peer
    }


VPC = {"ipBlock": {"cidr": "10.0.0.0/16"}}
API = {"ipBlock": {"cidr": "10.0.8.0/24"}}


@pytest.mark.parametrize("image", ["bottlerocket@v1.64.0", "al2023@v20260128"])
def test_nodes_keep_their_volumes_encrypted_and_their_credentials_to_themselves(image: str) -> None:
    spec = karpenter.node_class(LABELS, NAMES, settings(image))["spec"]
    volumes = [m["ebs"] for m in spec["blockDeviceMappings"]]
    assert all(v["encrypted"] and v["kmsKeyID"] == NAMES.key_alias_arn("volumes") for v in volumes)
    assert volumes[-1]["volumeSize"] == "80Gi", "the last holds images and logs"
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert spec["amiSelectorTerms"] == [{"alias": image}]
    assert spec["associatePublicIPAddress"] is False


def test_nodes_find_the_clusters_own_network_and_pay_on_its_account() -> None:
    spec = karpenter.node_class(LABELS, NAMES, settings())["spec"]
    tag = [{"tags": {"karpenter.sh/discovery": "carbon-prod"}}]
    assert spec["subnetSelectorTerms"] == spec["securityGroupSelectorTerms"] == tag
    assert spec["instanceProfile"] == NAMES.node_profile
    assert spec["tags"]["cost-center"] == "c"


def test_a_dedicated_pool_admits_only_what_tolerates_it() -> None:
    assert "taints" not in node_pool()["template"]["spec"]
    (taint,) = node_pool(dedicated=True)["template"]["spec"]["taints"]
    (toleration,) = karpenter.tolerations("data")
    assert {k: toleration[k] for k in ("key", "value", "effect")} == taint
    assert node_pool(dedicated=True)["template"]["metadata"]["labels"] == {taint["key"]: "data"}


def test_a_pool_buys_what_it_may_and_ends_where_it_must() -> None:
    spec = node_pool(least_cpus=4, most_cpus=8, consolidate="empty", disrupted="1")
    wanted = {(r["key"], r["operator"]): r["values"] for r in spec["template"]["spec"]["requirements"]}
    assert wanted["karpenter.sh/capacity-type", "In"] == ["spot", "on-demand"]
    assert wanted["karpenter.k8s.aws/instance-cpu", "Gte"] == ["4"]
    assert wanted["karpenter.k8s.aws/instance-cpu", "Lte"] == ["8"]
    assert spec["limits"] == {"cpu": "10", "memory": "40Gi"}
    assert spec["disruption"]["consolidationPolicy"] == "WhenEmpty"
    assert spec["disruption"]["budgets"] == [{"nodes": "1"}]


def test_one_storage_class_is_the_default_and_one_keeps_its_volumes() -> None:
    made = storage.classes(LABELS, key_arn="arn:key", iops=4000, throughput_mib=250)
    default = "storageclass.kubernetes.io/is-default-class"
    defaults = [c for c in made if c["metadata"].get("annotations", {}).get(default) == "true"]
    assert [c["metadata"]["name"] for c in defaults] == [storage.DEFAULT]
    assert {c["metadata"]["name"]: c["reclaimPolicy"] for c in made} == {
        storage.DEFAULT: "Delete",
        storage.RETAINED: "Retain",
    }
    for c in made:
        assert c["parameters"]["encrypted"] == "true"
        assert c["parameters"]["kmsKeyId"] == "arn:key"
        assert (c["parameters"]["iops"], c["parameters"]["throughput"]) == ("4000", "250")


def test_velero_finds_the_snapshot_class() -> None:
    made = storage.snapshot_class(LABELS)
    assert made["metadata"]["labels"]["velero.io/csi-volumesnapshot-class"] == "true"
    assert made["deletionPolicy"] == "Retain"


def test_data_yields_to_operators_and_workloads_to_data() -> None:
    value = {c["metadata"]["name"]: c["value"] for c in priority.classes(LABELS)}
    assert value[priority.OPERATORS] > value[priority.DATA] > 0
    assert not any(c["globalDefault"] for c in priority.classes(LABELS))


def test_each_issuer_signs_by_the_one_before_it() -> None:
    root, certificate, issuer = certificates.internal_issuer(LABELS, "cert-manager")
    assert certificate["spec"]["isCA"]
    assert certificate["metadata"]["namespace"] == "cert-manager"
    assert certificate["spec"]["issuerRef"]["name"] == root["metadata"]["name"]
    assert issuer["spec"]["ca"]["secretName"] == certificate["spec"]["secretName"]


def test_public_certificates_are_proved_without_a_key() -> None:
    acme = Acme(email="platform@example.org", zones=["example.org"])
    (solver,) = certificates.public_issuer(LABELS, acme, "eu-central-1")["spec"]["acme"]["solvers"]
    assert solver["selector"] == {"dnsZones": ["example.org"]}
    assert solver["dns01"] == {"route53": {"region": "eu-central-1"}}


@pytest.mark.parametrize("issuer", ["internal", "public"])
def test_a_certificate_names_an_issuer_that_exists(issuer: str) -> None:
    wanted = Certificate.model_validate({"issuer": issuer, "namespace": "carbon", "names": ["a.example.org"]})
    made = certificates.certificate(LABELS, "a", wanted)
    *_, internal = certificates.internal_issuer(LABELS, "cert-manager")
    acme = Acme(email="platform@example.org", zones=["example.org"])
    public = certificates.public_issuer(LABELS, acme, "eu-central-1")
    named = made["spec"]["issuerRef"]
    assert named["name"] in {i["metadata"]["name"] for i in (internal, public)}
    assert named["kind"] == internal["kind"] == public["kind"]
    assert made["spec"]["secretName"] == "a"


def test_the_store_needs_no_key_and_answers_its_own_namespaces() -> None:
    spec = secret_store.cluster_secret_store(LABELS, "eu-central-1", ["carbon"])["spec"]
    assert spec["provider"] == {"aws": {"service": "SecretsManager", "region": "eu-central-1"}}
    assert spec["conditions"] == [{"namespaces": ["carbon"]}]


def test_pods_join_a_target_group_and_let_the_load_balancer_in() -> None:
    binding = load_balancer.target_group_binding(
        "api", "carbon", {}, target_group="carbon-prod-api", service="model-server", port=8080
    )
    assert binding["spec"]["targetGroupName"] == "carbon-prod-api"
    assert binding["spec"]["targetType"] == "ip"
    assert binding["spec"]["serviceRef"] == {"name": "model-server", "port": 8080}
    opened = load_balancer.admission(
        "api", "carbon", {}, workload="model-server", port=8080, cidrs=["10.0.0.0/16"]
    )["spec"]
    assert opened["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "model-server"}
    assert ports(opened["ingress"], VPC) == {8080}
    assert opened["policyTypes"] == ["Ingress"], "what the pods reach is the workload's own policy's"


def test_a_service_reaches_the_api_and_dns_and_nothing_else() -> None:
    spec = policy(Reach())
    assert spec["ingress"] == []
    assert ports(spec["egress"], API) == {443, 6443}
    assert ports(spec["egress"], VPC) == set()
    (dns,) = [r for r in spec["egress"] if {p["port"] for p in r["ports"]} == {53}]
    assert "namespaceSelector" in dns["to"][0]
    assert len(spec["egress"]) == 2


def test_the_api_calls_webhooks_and_prometheus_scrapes() -> None:
    spec = policy(Reach(from_api=(9443,), metrics=(8080,)))
    assert ports(spec["ingress"], API) == {9443}
    scraper = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "carbon-monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }
    assert ports(spec["ingress"], scraper) == {8080}


def test_paths_to_pods_and_nodes_and_within() -> None:
    brokers = Pods("carbon", {"strimzi.io/kind": "Kafka"}, (9091,))
    spec = policy(Reach(within=(9666,), to=(brokers,), nodes=(10250,)), pods={"a": "b"})
    assert spec["podSelector"] == {"matchLabels": {"a": "b"}}
    own = {"podSelector": {"matchLabels": {"a": "b"}}}
    assert ports(spec["ingress"], own) == ports(spec["egress"], own) == {9666}
    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "carbon"}},
        "podSelector": {"matchLabels": {"strimzi.io/kind": "Kafka"}},
    }
    assert ports(spec["egress"], peer) == {9091}
    assert ports(spec["egress"], VPC) == {10250}


def test_the_internet_is_https_and_nothing_private() -> None:
    def outside(spec: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            r for r in spec["egress"] for to in r["to"] if to.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
        ]

    assert outside(policy(Reach())) == []
    spec = policy(Reach(internet=True))
    (rule,) = outside(spec)
    assert [p["port"] for p in rule["ports"]] == [443]
    assert VPC in rule["to"], "endpoints of AWS within the network"
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} <= set(rule["to"][1]["ipBlock"]["except"])
    assert ports(spec["egress"], {"ipBlock": {"cidr": "169.254.170.23/32"}}) == {80}


@pytest.mark.parametrize("image", ["bottlerocket@v1.64.0", "al2023@v20260101"])
def test_karpenter_is_told_of_the_pods_that_prefixes_have_addresses_for(image: str) -> None:
    """It counts single addresses, 29 a node of 2 CPUs, whatever the add-on hands out."""
    spec = karpenter.node_class(LABELS, NAMES, settings(image))["spec"]
    assert spec["kubelet"]["maxPods"] == karpenter.MOST_PODS > 29
