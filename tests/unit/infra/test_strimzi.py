"""Kafka as Strimzi is asked for it: replicated, spread, encrypted, and open to declared clients alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifests import network
from infra.manifests.network import Paths, Peer
from infra.manifests.resources import strimzi, strimzi_clients
from infra.settings import Labels
from infra.settings.data import KafkaStatefulSet, KafkaStrimzi
from workloads.kit.contracts import ports, tenants, topics
from workloads.kit.contracts.declaration import KafkaUse, Quota
from workloads.kit.contracts.platform import CLIENTS

LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")
RESOURCES = {"cpu": "1", "memory": "2Gi", "cpu_limit": "2", "memory_limit": "4Gi"}
SMALL = {"cpu": "100m", "memory": "256Mi", "cpu_limit": "1", "memory_limit": "512Mi"}
CONTROLLERS = {"nodes": 3, "heap_mib": 512, "resources": SMALL, "storage": {"size": "10Gi"}}


def given(**changes: Any) -> KafkaStrimzi:
    return KafkaStrimzi.model_validate(
        {
            "kind": "strimzi",
            "heap_mib": 2048,
            "resources": RESOURCES,
            "storage": {"size": "100Gi", "storage_class": "gp3"},
            "operator_resources": SMALL,
            **changes,
        }
    )


def pools(settings: KafkaStrimzi) -> dict[str, dict[str, Any]]:
    return {pool["metadata"]["name"]: pool["spec"] for pool in strimzi.node_pools(LABELS, settings)}


def rights(user: Mapping[str, Any]) -> set[tuple[str, str, str, str]]:
    return {
        (acl["resource"]["type"], acl["resource"]["patternType"], acl["resource"]["name"], operation)
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }


@pytest.mark.parametrize("model", [KafkaStatefulSet, KafkaStrimzi])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replication_factor": 5}, "replication_factor 5 is above brokers 3"),
        ({"min_in_sync": 3}, "min_in_sync 3 is not below replication_factor 3"),
        ({"brokers": 4}, "brokers 4 is even"),
        ({"retention_ms": {"prices": 1}}, "not declared: prices"),
    ],
)
def test_both_ways_to_run_kafka_refuse_the_same(
    model: type[KafkaStatefulSet] | type[KafkaStrimzi], changes: dict[str, Any], words: str
) -> None:
    kind = {KafkaStatefulSet: "statefulset", KafkaStrimzi: "strimzi"}[model]
    more = {"operator_resources": SMALL} if model is KafkaStrimzi else {}
    values = {"kind": kind, "resources": RESOURCES, "storage": {"size": "1Gi"}, **more}
    model.model_validate(values)
    with pytest.raises(ValidationError, match=words):
        model.model_validate({**values, **changes})


def test_brokers_vote_unless_controllers_are_nodes_of_their_own() -> None:
    assert pools(given())["broker"]["roles"] == ["controller", "broker"]
    apart = pools(given(controllers=CONTROLLERS, brokers=4))
    assert apart["broker"]["roles"] == ["broker"]
    assert apart["controller"]["roles"] == ["controller"]
    assert (apart["broker"]["replicas"], apart["controller"]["replicas"]) == (4, 3)
    assert apart["controller"]["jvmOptions"] == {"-Xms": "512m", "-Xmx": "512m"}


def test_volumes_outlive_the_cluster() -> None:
    for spec in pools(given(controllers=CONTROLLERS)).values():
        (volume,) = spec["storage"]["volumes"]
        assert (volume["type"], volume["deleteClaim"]) == ("persistent-claim", False)
    (volume,) = pools(given())["broker"]["storage"]["volumes"]
    assert (volume["size"], volume["class"]) == ("100Gi", "gp3")


def test_no_two_nodes_of_a_pool_share_a_machine_or_crowd_a_zone() -> None:
    for name, spec in pools(given(controllers=CONTROLLERS)).items():
        spread = spec["template"]["pod"]["topologySpreadConstraints"]
        assert {c["topologyKey"] for c in spread} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        for constraint in spread:
            assert (constraint["maxSkew"], constraint["whenUnsatisfiable"]) == (1, "DoNotSchedule")
            assert constraint["labelSelector"]["matchLabels"]["strimzi.io/pool-name"] == name


def test_nodes_run_where_the_stack_says() -> None:
    assert "affinity" not in pools(given())["broker"]["template"]["pod"]
    pod = pools(given(node_pool="data"))["broker"]["template"]["pod"]
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (expression,) = terms["nodeSelectorTerms"][0]["matchExpressions"]
    (toleration,) = pod["tolerations"]
    assert expression["values"] == ["data"]
    assert (expression["key"], "data") == (toleration["key"], toleration["value"])


def test_the_one_listener_takes_certificates_of_named_peers() -> None:
    paths = Paths(ingress=((Peer("carbon", "price-pipeline"), ports.KAFKA),))
    peers = [p for rule in network.policy("k", "carbon", {}, paths)["spec"]["ingress"] for p in rule["from"]]
    spec = strimzi.cluster(LABELS, given(), peers=peers)["spec"]["kafka"]
    (listener,) = spec["listeners"]
    assert (listener["port"], listener["tls"], listener["authentication"]) == (
        ports.KAFKA,
        True,
        {"type": "tls"},
    )
    assert listener["networkPolicyPeers"] == peers
    assert spec["authorization"] == {"type": "simple"}
    assert (
        strimzi.bootstrap("cluster.local") == f"carbon-kafka-bootstrap.carbon.svc.cluster.local:{ports.KAFKA}"
    )


def test_replication_holds_for_all_that_brokers_keep() -> None:
    settings = given(brokers=5, replication_factor=4, min_in_sync=3)
    config = strimzi.cluster(LABELS, settings, peers=[])["spec"]["kafka"]["config"]
    for key in ("default", "offsets.topic", "transaction.state.log"):
        assert config[f"{key}.replication.factor"] == 4
    assert config["min.insync.replicas"] == config["transaction.state.log.min.isr"] == 3
    assert config["unclean.leader.election.enable"] is False
    assert config["auto.create.topics.enable"] is False


def test_racks_are_the_zones_of_the_nodes() -> None:
    settings = given(rack_topology_key="example.com/rack")
    rack = strimzi.cluster(LABELS, settings, peers=[])["spec"]["kafka"]["rack"]
    assert rack == {"type": "topology-label", "topologyKey": "example.com/rack"}


@pytest.mark.parametrize(("version", "metadata"), [("4.3.1", "4.3"), ("4.2.0", "4.2")])
def test_the_metadata_follow_the_version(version: str, metadata: str) -> None:
    spec = strimzi.cluster(LABELS, given(version=version), peers=[])["spec"]["kafka"]
    assert (spec["version"], spec["metadataVersion"]) == (version, metadata)


def test_cruise_control_runs_if_it_has_resources() -> None:
    assert "cruiseControl" not in strimzi.cluster(LABELS, given(), peers=[])["spec"]
    spec = strimzi.cluster(LABELS, given(cruise_control=SMALL), peers=[])["spec"]["cruiseControl"]
    assert spec["resources"]["requests"] == {"cpu": "100m", "memory": "256Mi"}


def test_topics_are_the_declared_ones() -> None:
    made = strimzi_clients.topics(
        LABELS,
        topics.DECLARED,
        replication_factor=3,
        min_in_sync=2,
        retention_ms={"api-events": 1000},
    )
    specs = {topic["metadata"]["name"]: topic["spec"] for topic in made}
    assert specs.keys() == {topic.name for topic in topics.DECLARED}
    for topic in topics.DECLARED:
        spec = specs[topic.name]
        assert (spec["partitions"], spec["replicas"]) == (topic.partitions, 3)
        assert spec["config"]["min.insync.replicas"] == 2
        kept = 1000 if topic.name == "api-events" else topic.retention_ms
        assert spec["config"]["retention.ms"] == kept


def test_a_client_has_its_declared_rights_and_no_others() -> None:
    client = KafkaUse(
        reads=("in", "both"),
        writes=("out", "both"),
        group="demo",
        transactional_ids=("demo.",),
        quota=Quota(produce_bytes=1, consume_bytes=2, request_percent=3),
    )
    user = strimzi_clients.user(LABELS, "demo", client)
    assert rights(user) == {
        ("topic", "literal", "in", "Read"),
        ("topic", "literal", "in", "Describe"),
        ("topic", "literal", "out", "Write"),
        ("topic", "literal", "out", "Describe"),
        ("topic", "literal", "both", "Read"),
        ("topic", "literal", "both", "Write"),
        ("topic", "literal", "both", "Describe"),
        ("group", "literal", "demo", "Read"),
        ("group", "literal", "demo", "Describe"),
        ("group", "literal", "unused", "Describe"),
        ("transactionalId", "prefix", "demo.", "Write"),
        ("transactionalId", "prefix", "demo.", "Describe"),
    }
    assert user["spec"]["authentication"] == {"type": "tls"}
    assert user["spec"]["quotas"] == {
        "producerByteRate": 1,
        "consumerByteRate": 2,
        "requestPercentage": 3,
    }


def test_who_only_writes_reads_nothing() -> None:
    user = strimzi_clients.user(LABELS, "demo", KafkaUse(writes=("out",)))
    assert rights(user) == {("topic", "literal", "out", "Write"), ("topic", "literal", "out", "Describe")}
    assert "quotas" not in user["spec"]


def test_a_tenants_rights_end_at_its_prefix() -> None:
    quota = Quota(produce_bytes=1, consume_bytes=1, request_percent=1)
    user = strimzi_clients.tenant_user(LABELS, "tenant-acme", tenants.prefix("acme"), quota)
    assert {(pattern, name) for _, pattern, name, _ in rights(user)} == {("prefix", "tenant.acme.")}
    assert {kind for kind, *_ in rights(user)} == {"topic", "group", "transactionalId"}
    assert not {"All", "Alter", "Create", "ClusterAction"} & {operation for *_, operation in rights(user)}


def test_all_stand_where_the_operators_look() -> None:
    settings = given(controllers=CONTROLLERS)
    made = [
        *strimzi.node_pools(LABELS, settings),
        *(strimzi_clients.user(LABELS, name, use) for name, use in CLIENTS.items()),
        *strimzi_clients.topics(
            LABELS, topics.DECLARED, replication_factor=3, min_in_sync=2, retention_ms={}
        ),
    ]
    for o in made:
        assert o["metadata"]["namespace"] == "carbon"
        assert o["metadata"]["labels"]["strimzi.io/cluster"] == strimzi.CLUSTER
