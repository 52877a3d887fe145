"""The platform on operators and charts: the same workloads, other services behind them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

import pulumi
import pytest

from infra import cluster
from infra.names import Names
from infra.platform import Platform, PlatformArgs
from infra.settings.cluster import KubeconfigCluster
from infra.settings.data import KafkaStrimzi, MLflowChartSettings, PostgresCloudNativePG, RedisValkey
from infra.settings.lake import ObjectStoreS3
from infra.settings.secrets import ExternalSecretsSettings
from infra.settings.stack import PlatformSettings
from infra.settings.workloads import KedaScaler
from policies import exceptions, limits
from tests import stack
from tests.stack import PASSWORDS, Recorder, Registration
from tools.gate import pod_ends
from tools.gate.cluster_objects import Objects, unmarked
from workloads.kit.contracts import env, ports, tenants, topics
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.declared.migrations import MIGRATIONS, PARTITIONS, TOPICS
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL
from workloads.kit.contracts.platform import CLIENTS, DECLARED, EGRESS_CLIENTS, flows, roles, secrets

TENANTS = [tenants.role(name) for name in stack.PILOTS]
"""Roles of tenants."""

NAMES = Names("prod", "111122223333", "eu-central-1")
RESOURCES = {"cpu": "1", "memory": "2Gi", "cpu_limit": "2", "memory_limit": "4Gi"}
KEPT = {"size": "100Gi", "protect": True}
KAFKA = {"kind": "strimzi", "resources": RESOURCES, "storage": KEPT, "operator_resources": RESOURCES}
POSTGRES = {
    "kind": "cloudnative-pg",
    "resources": RESOURCES,
    "storage": KEPT,
    "wal_storage": KEPT,
    "backup": {"resources": RESOURCES},
    "pooler": {"resources": RESOURCES},
}


def managed(**changes: Any) -> PlatformSettings:
    """The local stack's workloads on operators, charts and Secrets Manager."""
    local = stack.platform()
    scaler = KedaScaler.model_validate({"kind": "keda", "min_replicas": 1, "max_replicas": 6})
    return local.model_copy(
        update={
            "kafka": KafkaStrimzi.model_validate(KAFKA),
            "postgres": PostgresCloudNativePG.model_validate(POSTGRES),
            "redis": RedisValkey.model_validate({"kind": "valkey", "resources": RESOURCES}),
            "object_store": ObjectStoreS3.model_validate({"kind": "s3"}),
            "mlflow": MLflowChartSettings.model_validate({"kind": "chart", "resources": RESOURCES}),
            "secrets": ExternalSecretsSettings.model_validate(
                {"kind": "external", "sources": ["market-key"]}
            ),
            "images": local.images.model_copy(
                update=dict.fromkeys(("kafka", "postgres", "redis", "mlflow"), None)
            ),
            "analytics_consumer": local.workload("analytics_consumer").model_copy(update={"scaler": scaler}),
            **changes,
        }
    )


def build(settings: PlatformSettings, names: Names | None = NAMES) -> Recorder:
    assert isinstance(settings.cluster, KubeconfigCluster)
    args = PlatformArgs(
        labels=stack.settings().labels,
        settings=settings,
        cluster=cluster.existing(settings.cluster),
        names=names,
        limits=limits.of("local"),
        exceptions=exceptions.of("local"),
    )
    return stack.record(lambda: Platform("carbon", args))


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return build(managed())


@pytest.fixture(scope="module")
def seen(recorded: Recorder) -> dict[str, Registration]:
    return recorded.seen


@pytest.fixture(scope="module")
def objects(seen: dict[str, Registration]) -> list[dict[str, Any]]:
    return [r.inputs for r in seen.values() if "apiVersion" in r.inputs]


def of(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    found = {o["metadata"]["name"]: o for o in objects if o["kind"] == kind}
    assert found, kind
    return found


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod specs of the platform's own workloads by name."""
    found: dict[str, dict[str, Any]] = {}
    for o in objects:
        spec = o.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if o["kind"] in ("Deployment", "CronJob", "Job") and template:
            found[template["metadata"]["labels"]["app.kubernetes.io/name"]] = template["spec"]
    return found


def variables(pod: Mapping[str, Any]) -> dict[str, str]:
    return {v["name"]: v["value"] for v in pod["containers"][0]["env"] if "value" in v}


def files(pod: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Path → (secret, key), of secrets that others make."""
    mounts = {m["name"]: m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}
    return {
        f"{mounts[volume['name']]}/{item['path']}": (source["secret"]["name"], item["key"])
        for volume in pod["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
        for item in source["secret"]["items"]
    }


def test_no_server_of_our_own_is_left(objects: list[dict[str, Any]]) -> None:
    assert not [o["metadata"]["name"] for o in objects if o["kind"] == "StatefulSet"]
    assert {"kafka", "postgres", "redis", "mlflow", TOPICS.name}.isdisjoint(pods(objects))


def test_every_client_of_kafka_shows_its_own_certificate(objects: list[dict[str, Any]]) -> None:
    users = of(objects, "KafkaUser")
    prefix = of(objects, "Kafka")["carbon"]["spec"]["entityOperator"]["userOperator"]["secretPrefix"]
    mine = CLIENTS.keys() & managed().running
    assert users.keys() == mine | {f"tenant-{name}" for name in stack.PILOTS}
    for name in CLIENTS.keys() & managed().running:
        pod = pods(objects)[name]
        directory = variables(pod)[env.KAFKA_TLS_DIR]
        assert (
            variables(pod)[env.KAFKA_BOOTSTRAP] == f"carbon-kafka-bootstrap.carbon.svc.cluster.local:{9092}"
        )
        mounted = files(pod)
        assert mounted[f"{directory}/{env.TLS_CA}"] == ("carbon-cluster-ca-cert", "ca.crt")
        for file in (env.TLS_CERTIFICATE, env.TLS_KEY):
            assert mounted[f"{directory}/{file}"] == (f"{prefix}{name}", file)


def test_certificates_and_passwords_never_share_a_secret(objects: list[dict[str, Any]]) -> None:
    """A client's certificate and the workload's own secret would otherwise overwrite each other."""
    prefix = of(objects, "Kafka")["carbon"]["spec"]["entityOperator"]["userOperator"]["secretPrefix"]
    certificates = {prefix + name for name in of(objects, "KafkaUser")}
    assert certificates.isdisjoint(of(objects, "ExternalSecret"))


def test_workloads_reach_the_database_through_the_pooler_and_verify_it(
    objects: list[dict[str, Any]],
) -> None:
    direct, pooled = (f"{name}.carbon.svc.cluster.local" for name in ("postgres-rw", "postgres-pooler"))
    names = of(objects, "Cluster")["postgres"]["spec"]["certificates"]["serverAltDNSNames"]
    assert {direct, pooled} <= set(names)
    found = 0
    for name, pod in pods(objects).items():
        if (given := variables(pod)).get(env.POSTGRES_HOST):
            # The jobs hold a lock for the length of their session, Keycloak has statements prepared.
            holds = name in (MIGRATIONS.name, PARTITIONS.name, KEYCLOAK.name, WAREHOUSE_ETL.name)
            assert given[env.POSTGRES_HOST] == (direct if holds else pooled)
            assert files(pod)[given[env.POSTGRES_CA_FILE]] == ("postgres-ca", "ca.crt")
            found += 1
    assert found >= 7
    exporter = variables(pods(objects)["postgres-exporter"])["DATA_SOURCE_URI"]
    assert exporter.startswith(f"{direct}:5432/")
    assert "sslmode=verify-full" in exporter


def test_every_secret_is_fetched_and_none_is_written(objects: list[dict[str, Any]]) -> None:
    # A region is no secret; the archive's plugin takes it in no other form.
    written = [o["metadata"]["name"] for o in objects if o["kind"] == "Secret"]
    assert written == ["postgres-archive-region"]
    fetched = {
        entry["remoteRef"]["key"]
        for o in of(objects, "ExternalSecret").values()
        for entry in o["spec"]["data"]
        if o["spec"]["secretStoreRef"]["kind"] == "ClusterSecretStore"
    }
    assert fetched == {
        *(f"carbon/prod/database/{role}" for role in (*roles(managed().running), *TENANTS, "postgres")),
        *(f"carbon/prod/egress/{name}" for name in managed().running & {*EGRESS_CLIENTS}),
        *(f"carbon/prod/own/{name}" for name in secrets(managed().running)),
        "carbon/prod/redis",
        "carbon/prod/sources/market-key",
    }


def test_every_mounted_secret_is_made_by_somebody(objects: list[dict[str, Any]]) -> None:
    fetched = {o["metadata"]["name"] for o in of(objects, "ExternalSecret").values()}
    by_operators = {
        "carbon-cluster-ca-cert",
        "postgres-ca",
        *(f"kafka-user-{name}" for name in of(objects, "KafkaUser")),
        *(o["spec"]["secretName"] for o in of(objects, "Certificate").values()),
    }
    for pod in pods(objects).values():
        for volume in pod["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["secretName"] in fetched
            for source in volume.get("projected", {}).get("sources", ()):
                assert source["secret"]["name"] in by_operators


def test_topics_are_declared_before_those_who_use_them(seen: dict[str, Registration]) -> None:
    declared = {r.inputs["metadata"]["name"] for r in seen.values() if r.type.endswith(":KafkaTopic")}
    assert declared == {topic.name for topic in topics.DECLARED}
    (consumer,) = [r for r in seen.values() if r.name == "analytics-consumer" and r.is_component]
    needed = {(seen[urn].type.split(":")[-1], seen[urn].name) for urn in consumer.depends_on}
    assert ("KafkaTopic", "kafka-topic-commodity-prices") in needed
    assert ("KafkaUser", "kafka-client-analytics-consumer") in needed
    assert ("Job", "migrations") in needed


def test_what_holds_data_is_protected(seen: dict[str, Registration]) -> None:
    protected = {(r.type.split(":")[-1], r.inputs["metadata"]["name"]) for r in seen.values() if r.protect}
    assert protected == {
        ("Kafka", "carbon"),
        ("KafkaNodePool", "broker"),
        ("Cluster", "postgres"),
        *(("KafkaTopic", topic.name) for topic in topics.DECLARED),
    }


def test_each_volume_is_kept_as_its_own_setting_says() -> None:
    lost = {"size": "10Gi"}
    kafka = {**KAFKA, "storage": lost, "controllers": {"resources": RESOURCES, "storage": KEPT}}
    postgres = {**POSTGRES, "storage": lost}
    seen = build(
        managed(
            kafka=KafkaStrimzi.model_validate(kafka),
            postgres=PostgresCloudNativePG.model_validate(postgres),
        )
    ).seen
    protected = {(r.type.split(":")[-1], r.inputs["metadata"]["name"]) for r in seen.values() if r.protect}
    assert protected == {("KafkaNodePool", "controller"), ("Cluster", "postgres")}


def test_the_scaler_shows_the_consumers_certificate(objects: list[dict[str, Any]]) -> None:
    (scaled,) = of(objects, "ScaledObject").values()
    (trigger,) = [t for t in scaled["spec"]["triggers"] if t["type"] == "kafka"]
    assert trigger["metadata"]["tls"] == "enable"
    assert trigger["metadata"]["bootstrapServers"] == "carbon-kafka-bootstrap.carbon.svc.cluster.local:9092"
    shown = of(objects, "TriggerAuthentication")[trigger["authenticationRef"]["name"]]
    secrets = {t["parameter"]: t["name"] for t in shown["spec"]["secretTargetRef"]}
    assert secrets == {
        "ca": "carbon-cluster-ca-cert",
        "cert": "kafka-user-analytics-consumer",
        "key": "kafka-user-analytics-consumer",
    }


def test_the_listener_is_open_to_clients_and_the_scaler_alone(objects: list[dict[str, Any]]) -> None:
    (listener,) = of(objects, "Kafka")["carbon"]["spec"]["kafka"]["listeners"]
    let_in = {
        (
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"],
        )
        for peer in listener["networkPolicyPeers"]
    }
    clients = {
        (DECLARED[source].namespace, source)
        for source, target, _ in flows(managed().running)
        if target == "kafka"
    }
    assert let_in == clients | {("keda", "keda-operator")}


def test_paths_to_the_database_end_at_the_pods_that_cloudnative_pg_makes(
    objects: list[dict[str, Any]],
) -> None:
    policies = of(objects, "NetworkPolicy")
    into = policies["postgresql"]["spec"]
    assert into["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "postgresql"}
    let_in = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in into["ingress"]
        if rule["ports"][0]["port"] == ports.POSTGRES
        for peer in rule["from"]
    }
    assert let_in == {s for s, target, _ in flows(managed().running) if target == "postgres"} | {"postgresql"}
    for source in let_in - {"postgresql"}:
        out = [
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
            for rule in policies[source]["spec"]["egress"]
            if rule["ports"][0]["port"] == ports.POSTGRES
            for peer in rule["to"]
        ]
        assert out == ["postgresql"]


@pytest.mark.parametrize("name", ["postgresql", "mlflow", "trino"])
def test_who_keeps_things_in_a_bucket_reaches_it_and_no_other_network(
    objects: list[dict[str, Any]], name: str
) -> None:
    """S3's addresses are public; what is private is reached by paths that name it."""
    (internet,) = [
        peer["ipBlock"]
        for rule in of(objects, "NetworkPolicy")[name]["spec"]["egress"]
        if [p["port"] for p in rule["ports"]] == [443]
        for peer in rule["to"]
        if peer["ipBlock"]["cidr"] == "0.0.0.0/0"
    ]
    for address in ("10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"):
        assert any(ip_address(address) in ip_network(block) for block in internet["except"])


def test_charts_find_their_secrets(seen: dict[str, Registration]) -> None:
    secrets = {
        r.inputs["metadata"]["name"]: r.inputs["spec"]
        for r in seen.values()
        if r.type.endswith(":ExternalSecret")
    }
    values = {
        r.inputs["name"]: r.inputs["values"]
        for r in seen.values()
        if r.type == "kubernetes:helm.sh/v3:Release"
    }
    database = values["mlflow"]["backendStore"]["existingDatabaseSecret"]
    constants = secrets[database["name"]]["target"]["template"]["data"]
    assert constants[database["usernameKey"]] == "mlflow"
    assert {
        item["key"]
        for volume in values["mlflow"]["extraVolumes"]
        for item in volume["secret"]["items"]
        if volume["secret"]["secretName"] == database["name"]
    } <= constants.keys()
    assert [e["secretKey"] for e in secrets[database["name"]]["data"]] == [database["passwordKey"]]
    auth = values["valkey"]["auth"]
    assert [e["secretKey"] for e in secrets[auth["usersExistingSecret"]]["data"]] == [
        auth["aclUsers"]["default"]["passwordKey"]
    ]
    assert values["mlflow"]["artifactRoot"]["s3"]["bucket"] == NAMES.bucket("mlflow")


def test_trino_reads_the_bucket_by_its_own_role_and_the_database_by_a_password_that_rotates(
    objects: list[dict[str, Any]],
) -> None:
    assert "object-store" not in pods(objects)
    pod, told = pods(objects)["trino"], variables(pods(objects)["trino"])
    assert env.AWS_CREDENTIALS_FILE not in told
    assert env.OBJECT_STORE_URL not in told
    assert told[env.LAKE_LOCATION] == f"s3://{NAMES.bucket('warehouse')}/lake/"
    files_of = of(objects, "ConfigMap")["trino"]["data"]
    lake = files_of["catalog__lake.properties"]
    assert f"default-warehouse-dir=s3://{NAMES.bucket('warehouse')}/lake\n" in lake
    assert f"s3.region={NAMES.region}" in lake
    assert "s3.endpoint" not in lake
    # Its own session with the server: the pooler would lose the schema that the catalogue is in.
    for name in ("lake", "warehouse"):
        url = next(line for line in files_of[f"catalog__{name}.properties"].splitlines() if "jdbc:" in line)
        assert "//postgres-rw.carbon.svc.cluster.local:5432/warehouse?" in url
        assert "sslmode=verify-full&sslrootcert=/var/run/secrets/postgres/ca.crt" in url
    assert files(pod)["/var/run/secrets/postgres/ca.crt"] == ("postgres-ca", "ca.crt")
    made = of(objects, "ExternalSecret")["trino"]["spec"]
    filled = made["target"]["template"]["data"]["pgpass"]
    assert filled.startswith("*:*:*:trino:{{ index .")
    assert [entry["remoteRef"]["key"] for entry in made["data"]] == ["carbon/prod/database/trino"]


def test_clients_find_mlflow_at_the_same_address(objects: list[dict[str, Any]]) -> None:
    """The host is one that MLflow answers to: it refuses requests that name it otherwise."""
    url = variables(pods(objects)["model-server"])[env.MLFLOW_TRACKING_URI]
    assert url == "http://mlflow.carbon.svc.cluster.local:5000"


def test_where_they_answer_is_told(recorded: Recorder) -> None:
    (platform,) = [r.urn for r in recorded.seen.values() if r.type == "carbon:platform:Platform"]
    endpoints = recorded.completed[platform]["endpoints"]
    assert endpoints["kafka"]["service"] == "carbon-kafka-bootstrap"
    assert endpoints["postgres"]["service"] == "postgres-rw"
    assert "kafka-0" not in endpoints


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "carbon:secrets.kind is external"),
        ({"secrets": stack.platform().secrets}, "carbon:postgres keeps data in a bucket"),
        (
            {"secrets": stack.platform().secrets, "postgres": stack.platform().postgres},
            "carbon:mlflow keeps data in a bucket",
        ),
    ],
)
def test_what_needs_aws_says_so_where_there_is_none(changes: dict[str, Any], words: str) -> None:
    local = {"images": stack.platform().images}
    with pytest.raises(pulumi.RunError, match=f"{words}.*carbon:aws.*Remedy"):
        build(managed(**local, **changes), names=None)


def test_an_image_that_is_needed_and_missing_is_named() -> None:
    """Only the kinds that the platform runs itself need one."""
    with pytest.raises(ValueError, match=r"images\.redis is missing"):
        build(managed(redis=stack.platform().redis))


def test_passwords_of_the_stack_file_work_with_operators_too() -> None:
    seen = build(managed(secrets=stack.platform().secrets)).seen
    secrets = {r.inputs["metadata"]["name"] for r in seen.values() if r.type == "kubernetes:core/v1:Secret"}
    assert "postgres-role-mlflow" in secrets
    shown = [str(r.wire) for r in seen.values() if not r.type.endswith(":Secret")]
    assert not [text for text in shown if PASSWORDS["roles"]["mlflow"] in text]


def test_what_a_pod_mounts_is_in_its_own_namespace(recorded: Recorder) -> None:
    """The exporter's is another than the database's: it gets a copy of who signed the certificate."""
    declared = [unmarked(r.inputs) for r in recorded.seen.values() if "apiVersion" in r.inputs]
    assert [said for _, said in pod_ends.broken(Objects(declared))] == []
