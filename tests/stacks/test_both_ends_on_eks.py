"""The gate's comparison of both ends on EKS: every stack agrees, and each mistake of its kind is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from pulumi import AssetArchive, StringAsset

from tests.previews import preview
from tools.gate import (
    addresses,
    aws_ends,
    aws_names,
    aws_wiring,
    ends,
    pod_ends,
    program_ends,
    references,
    told,
)
from tools.gate.cluster_objects import Objects
from tools.gate.model import StackPreview
from tools.gate.pod_ends import Broken

Look = Callable[[Objects], Broken]


@pytest.fixture(scope="module")
def dev() -> StackPreview:
    return preview("dev")


def said(look: Look, objects: Objects) -> list[str]:
    return [text for _, text in look(objects)]


@pytest.mark.parametrize("stack", ["bootstrap", "dev", "dr", "local", "prod", "staging"])
def test_a_stack_as_it_is_agrees(stack: str) -> None:
    assert said(ends.broken, Objects.of(preview(stack))) == []


def changed(of: StackPreview, kind: str, name: str, change: Callable[[Any], None]) -> Objects:
    """The stack with a change in all of one kind and name, and nothing else."""
    resources = list(of.resources)
    hits = 0
    for number, r in enumerate(resources):
        is_object = r.type.startswith("kubernetes:") and r.inputs.get("kind") == kind
        called = r.inputs["metadata"]["name"] if is_object else r.name
        if (is_object or r.type.endswith(kind if "/" in kind else f":{kind}")) and called == name:
            inputs = copy.deepcopy(r.inputs)
            change(inputs)
            assert inputs != r.inputs, "nothing was changed"
            resources[number] = type(r)(**{**vars(r), "inputs": inputs})
            hits += 1
    assert hits, f"{kind} {name} is not there"
    return Objects.of(StackPreview(of.stack, tuple(resources)))


def put(path: str, value: Any) -> Callable[[Any], None]:
    """Another value at a path."""

    def change(inputs: Any) -> None:
        *way, last = path.split("/")
        for key in way:
            inputs = inputs[int(key) if key.isdecimal() else key]
        inputs[int(last) if last.isdecimal() else last] = value

    return change


def word(before: str, after: str) -> Callable[[Any], None]:
    """Another word wherever this one stands."""

    def change(inputs: Any) -> None:
        made = json.loads(json.dumps(inputs).replace(before, after))
        inputs.clear()
        inputs.update(made)

    return change


def variable(name: str, value: str) -> Callable[[Any], None]:
    """Another value of an environment variable."""

    def change(inputs: Any) -> None:
        for one in inputs["spec"]["template"]["spec"]["containers"][0]["env"]:
            if one["name"] == name:
                one["value"] = value

    return change


def renamed(name: str, other: str) -> Callable[[Any], None]:
    """Another name of an environment variable."""

    def change(inputs: Any) -> None:
        for one in inputs["spec"]["template"]["spec"]["containers"][0]["env"]:
            one["name"] = other if one["name"] == name else one["name"]

    return change


def ports_of(side: str, before: int, after: int) -> Callable[[Any], None]:
    """Another port of the ways of a network policy."""

    def change(inputs: Any) -> None:
        for rule in inputs["spec"][side]:
            for port in rule["ports"]:
                port["port"] = after if port["port"] == before else port["port"]

    return change


def no_ways_to(name: str) -> Callable[[Any], None]:
    """A network policy without its ways out to a workload."""

    def change(inputs: Any) -> None:
        inputs["spec"]["egress"] = [r for r in inputs["spec"]["egress"] if name not in json.dumps(r)]

    return change


def trust(before: str, after: str) -> Callable[[Any], None]:
    def change(inputs: Any) -> None:
        inputs["assumeRolePolicy"] = inputs["assumeRolePolicy"].replace(before, after)

    return change


POOL = "spec/template/pod"
NODE_AFFINITY = "affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution"
SCALED = "ScaledObject analytics-consumer"
BUCKET = "carbon-dev-recovery-111122223333-eu-central-1"

MISTAKES: tuple[tuple[str, Look, Callable[[Any], None], str], ...] = (
    # Addresses, and the ways to them.
    (
        "Deployment prediction-consumer",
        addresses.broken,
        variable("MODEL_SERVER_URL", "http://model.carbon.svc.cluster.local:8080"),
        "there is no such service",
    ),
    (
        "Deployment prediction-consumer",
        addresses.broken,
        word("model-server.carbon.svc.cluster.local:8080", "model-server.carbon.svc.cluster.local:8081"),
        "the service has no port 8081",
    ),
    (
        "Deployment prediction-consumer",
        addresses.broken,
        variable("POSTGRES_PORT", "5433"),
        "the service has no port 5433",
    ),
    (
        "ConfigMap trino",
        addresses.broken,
        word("postgres-rw.carbon.svc", "postgresql-rw.carbon.svc"),
        "postgresql-rw.carbon: there is no such service",
    ),
    (SCALED, addresses.broken, word(":9092", ":9096"), "the service has no port 9096"),
    (
        "NetworkPolicy prediction-consumer",
        addresses.broken,
        no_ways_to("model-server"),
        "egress of Deployment/carbon/prediction-consumer is closed",
    ),
    (
        "NetworkPolicy model-server",
        addresses.broken,
        ports_of("ingress", 8080, 8081),
        "ingress of Deployment/carbon/model-server is closed",
    ),
    (
        "NetworkPolicy redis",
        addresses.broken,
        word('"data-api"', '"data-apis"'),
        "ingress of Deployment/carbon/redis is closed for Deployment/carbon/data-api",
    ),
    # What custom resources and charts name.
    (
        "TriggerAuthentication analytics-consumer",
        references.broken,
        word("user.crt", "tls.crt"),
        "has no key tls.crt",
    ),
    (
        "TriggerAuthentication analytics-consumer",
        references.broken,
        word("kafka-user-", "user-"),
        "Secret carbon/user-analytics-consumer is not made",
    ),
    (
        "Cluster postgres",
        references.broken,
        put("spec/superuserSecret/name", "postgres-superuser"),
        "Secret carbon/postgres-superuser is not made",
    ),
    (
        "Cluster postgres",
        references.broken,
        put("spec/managed/roles/0/passwordSecret/name", "nobody"),
        "Secret carbon/nobody is not made",
    ),
    (
        "Cluster postgres",
        references.broken,
        put("spec/plugins/0/parameters/barmanObjectName", "archive"),
        "ObjectStore archive is not made",
    ),
    (
        "ObjectStore postgres",
        references.broken,
        put("spec/configuration/s3Credentials/region/key", "zone"),
        "has no key zone",
    ),
    ("Pooler postgres-pooler", references.broken, put("spec/cluster/name", "pg"), "Cluster pg is not made"),
    ("ScheduledBackup postgres", references.broken, put("spec/cluster/name", "pg"), "Cluster pg is not made"),
    (
        "KafkaTopic commodity-prices",
        references.broken,
        word('"strimzi.io/cluster": "carbon"', '"strimzi.io/cluster": "kafka"'),
        "Kafka kafka is not made",
    ),
    (
        "NodePool general",
        references.broken,
        put("spec/template/spec/nodeClassRef/name", "nodes"),
        "EC2NodeClass nodes is not made",
    ),
    (
        "Certificate redis-tls",
        references.broken,
        put("spec/issuerRef/name", "inside"),
        "ClusterIssuer inside is not made",
    ),
    ("ClusterIssuer internal", references.broken, put("spec/ca/secretName", "root"), "root is not made"),
    (
        "Schedule daily",
        references.broken,
        put("spec/template/storageLocation", "aws"),
        "BackupStorageLocation aws is not made",
    ),
    (
        "TargetGroupBinding public-api",
        references.broken,
        put("spec/serviceRef/port", 80),
        "service model-server has no port 80",
    ),
    (
        "KafkaNodePool broker",
        references.broken,
        put(f"{POOL}/priorityClassName", "data"),
        "priority class data is not made",
    ),
    (
        "KafkaNodePool broker",
        references.broken,
        put(f"{POOL}/{NODE_AFFINITY}/nodeSelectorTerms/0/matchExpressions/0/values", ["kafka"]),
        "no node pool has carbon/workload-class = kafka",
    ),
    (
        "KafkaNodePool broker",
        references.broken,
        put(f"{POOL}/tolerations/0/value", "general"),
        "of its nodes is not borne",
    ),
    (
        "Deployment model-server",
        references.broken,
        put("spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels", {"app": "model"}),
        "is not its own pods",
    ),
    (
        "Release kube-prometheus-stack",
        references.broken,
        word('"grafana-admin"', '"grafana"'),
        "Secret carbon-monitoring/grafana is not made",
    ),
    (
        "Release redis-valkey",
        references.broken,
        word('"redis-password"', '"password"'),
        "Secret carbon/redis has no key password",
    ),
    (
        "Release mlflow",
        references.broken,
        word('"usernameKey": "username"', '"usernameKey": "user"'),
        "Secret carbon/mlflow-database has no key user",
    ),
    # What programs are told and asked.
    (
        "Deployment model-server",
        program_ends.broken,
        word('"/readyz"', '"/ready"'),
        "model-server does not answer /ready",
    ),
    (
        "Deployment model-server",
        program_ends.broken,
        renamed("MLFLOW_TRACKING_URI", "MLFLOW_URI"),
        "MLFLOW_URI: workloads/model_server reads no such variable",
    ),
    (
        SCALED,
        program_ends.broken,
        word('"consumerGroup": "analytics-consumer"', '"consumerGroup": "analytics"'),
        "has no right to the group analytics",
    ),
    (
        SCALED,
        program_ends.broken,
        word('"topic": "commodity-prices"', '"topic": "prices"'),
        "it looks at the topic prices, which is not made",
    ),
    (
        "ConfigMap warehouse-connect",
        program_ends.broken,
        word("group.id=warehouse-connect", "group.id=connect"),
        "has no right to the group connect",
    ),
    # What programs are not told.
    (
        "Deployment prediction-consumer",
        told.broken,
        renamed("MODEL_SERVER_URL", "CODE_VERSION"),
        "MODEL_SERVER_URL is not set, and PredictionSettings has no default",
    ),
    (
        "CronJob model-training",
        told.broken,
        word('"MLFLOW_TRACKING_URI"', '"CODE_VERSION"'),
        "MLFLOW_TRACKING_URI is not set, and TrainingSettings has no default",
    ),
    (
        "CronJob store-partitions",
        told.broken,
        word('"POSTGRES_HOST"', '"CODE_VERSION"'),
        "POSTGRES_HOST is not set, and DatabaseSettings has no default",
    ),
    (
        "Deployment data-quality",
        told.broken,
        renamed("POSTGRES_PASSWORD_FILE", "CODE_VERSION"),
        "POSTGRES_USER is set, and POSTGRES_PASSWORD_FILE is not",
    ),
    (
        "CronJob price-pipeline",
        told.broken,
        word('"EGRESS_PASSWORD_FILE"', '"CODE_VERSION"'),
        "EGRESS_PROXY_URL is set, and EGRESS_PASSWORD_FILE is not",
    ),
    (
        "Deployment indicator-consumer",
        told.broken,
        renamed("KAFKA_TLS_DIR", "CODE_VERSION"),
        "KAFKA_TLS_DIR is not set, as it is for others",
    ),
    (
        "CronJob model-monitor",
        told.broken,
        word('"POSTGRES_CA_FILE"', '"CODE_VERSION"'),
        "POSTGRES_CA_FILE is not set, as it is for others",
    ),
    (
        "Deployment prediction-consumer",
        told.broken,
        variable("FEATURE_WINDOWS", "7,30"),
        "FEATURE_WINDOWS is 7,30, and 7,30,90 elsewhere",
    ),
    (
        "Deployment customer-consumer",
        told.broken,
        variable("POSTGRES_DATABASE", "platforms"),
        "POSTGRES_DATABASE is platforms, and",
    ),
    (
        "CronJob warehouse-maintenance",
        told.broken,
        word('"maintain"', '"maintenance"'),
        "args: warehouse_etl knows no maintenance",
    ),
    # Files, and secrets that are copied.
    (
        "ConfigMap trino",
        pod_ends.broken,
        word("/var/run/secrets/postgres/ca.crt", "/var/run/secrets/postgres/root.crt"),
        "volume postgres-ca has no file root.crt",
    ),
    (
        "Release mlflow",
        pod_ends.broken,
        word('"mountPath": "/var/run/secrets/database"', '"mountPath": "/etc/database"'),
        "/var/run/secrets/database/pg_service.conf: nothing is mounted there",
    ),
    (
        "Release mlflow",
        pod_ends.broken,
        word("database/pg_service.conf", "database/service.conf"),
        "volume database has no file service.conf",
    ),
    (
        "ClusterSecretStore aws",
        ends.broken,
        word('"carbon-monitoring"', '"monitoring"'),
        "ClusterSecretStore aws answers carbon, monitoring, velero, not carbon-monitoring",
    ),
    (
        "ExternalSecret trino",
        ends.broken,
        word('index . \\"postgres-password\\"', 'index . \\"password\\"'),
        "its template uses password, which is not copied",
    ),
    (
        "RoleBinding postgres-exporter-secrets",
        ends.broken,
        put("subjects/0/name", "store"),
        "service account carbon-monitoring/platform may not get Secret carbon/postgres-ca",
    ),
    # What is at AWS.
    (
        "ExternalSecret model-server",
        aws_ends.broken,
        word("carbon/dev/database/", "carbon/dev/databases/"),
        "is not made at AWS",
    ),
    (
        "ExternalSecret price-pipeline",
        aws_ends.broken,
        word('"property": "value"', '"property": "password"'),
        "has no field password",
    ),
    (
        "ExternalSecret model-server",
        aws_ends.broken,
        word("database/model_server", "database/data_api"),
        "is shown and carbon/dev/database/model_server lets in",
    ),
    (
        "PodIdentityAssociation pods-data-api",
        aws_ends.broken,
        put("serviceAccount", "data"),
        "nothing runs as the service account carbon/data",
    ),
    (
        "iam/role:Role pods-velero-role",
        aws_ends.broken,
        trust("velero-server", "velero"),
        "does not let velero/velero-server of carbon-dev take it on",
    ),
    (
        "iam/role:Role pods-velero-role",
        aws_ends.broken,
        trust("cluster/carbon-dev", "cluster/carbon"),
        "does not let velero/velero-server of carbon-dev take it on",
    ),
    (
        "Deployment data-api",
        aws_ends.broken,
        word("/downloads/", "/files/"),
        "carbon/data-api may not s3:GetObject",
    ),
    (
        "BackupStorageLocation default",
        aws_ends.broken,
        put("spec/objectStorage/prefix", "backups"),
        "velero/velero-server may not s3:GetObject",
    ),
    (
        "ObjectStore postgres",
        aws_ends.broken,
        word(f"{BUCKET}/postgres", f"{BUCKET}/wal"),
        "carbon/postgres may not s3:GetObject",
    ),
    ("Release mlflow", aws_ends.broken, word("carbon-dev-mlflow-", "carbon-mlflow-"), "is not made"),
    (
        "StorageClass gp3",
        aws_names.broken,
        word("alias/carbon/dev/volumes", "alias/carbon/dev/disks"),
        "the key alias/carbon/dev/disks is not made",
    ),
    (
        "EC2NodeClass default",
        aws_names.broken,
        put("spec/instanceProfile", "karpenter-node"),
        "the instance profile karpenter-node is not made",
    ),
    (
        "EC2NodeClass default",
        aws_names.broken,
        word("karpenter.sh/discovery", "karpenter.sh/discover"),
        "no subnet has the tags",
    ),
    ("Tag eks-discovery", aws_names.broken, put("value", "carbon"), "no security group has the tags"),
    (
        "Release karpenter",
        aws_names.broken,
        word("carbon-dev-interruptions", "carbon-dev-interruption"),
        "interruptionQueue: carbon-dev-interruption is not made",
    ),
    (
        "Release karpenter",
        aws_names.broken,
        word('"clusterName": "carbon-dev"', '"clusterName": "dev"'),
        "clusterName: dev is no cluster of the stack",
    ),
    (
        "TargetGroupBinding public-api",
        aws_names.broken,
        put("spec/targetGroupName", "carbon-dev-model"),
        "the target group carbon-dev-model is not made",
    ),
    (
        "TargetGroup edge-api",
        aws_names.broken,
        put("healthCheck/path", "/health"),
        "the target group asks /health at port 8080",
    ),
    (
        "SecurityGroupEgressRule edge-to-pods-8080",
        aws_names.broken,
        put("fromPort", 8081),
        "does not let it to port 8080",
    ),
    (
        "Repository registry-trino",
        aws_names.broken,
        put("name", "carbon-dev/trino-server"),
        "image trino has no repository",
    ),
    (
        "Policy network-flow-logs-deliver",
        aws_names.broken,
        word("/carbon/dev/flow-logs", "/carbon/dev/flows"),
        "is nothing that the stack has",
    ),
    # What calls what at AWS.
    (
        "EventTarget karpenter-spot",
        aws_wiring.broken,
        put("rule", "carbon-dev-spots"),
        "the rule carbon-dev-spots is not made",
    ),
    (
        "EventTarget karpenter-spot",
        aws_wiring.broken,
        put("rule", "carbon-dev-state"),
        "it has no target",
    ),
    (
        "EventTarget karpenter-state",
        aws_wiring.broken,
        word("carbon-dev-interruptions", "carbon-dev-events"),
        "carbon-dev-events is no queue of the stack",
    ),
    (
        "QueuePolicy karpenter-interruptions",
        aws_wiring.broken,
        word("rule/carbon-dev-", "rule/carbon-prod-"),
        "no policy lets the rule carbon-dev-health send",
    ),
    (
        "QueuePolicy karpenter-interruptions",
        aws_wiring.broken,
        word("sqs:SendMessage", "sqs:ReceiveMessage"),
        "no policy lets the rule",
    ),
    (
        "lambda/function:Function secrets-rotation",
        aws_wiring.broken,
        put("handler", "function.handler"),
        "its code has no function.handler",
    ),
    (
        "lambda/function:Function secrets-rotation",
        aws_wiring.broken,
        put("role", "arn:aws:iam::111122223333:role/carbon-dev-velero"),
        "Lambda may not take on",
    ),
    (
        "lambda/function:Function secrets-rotation",
        aws_wiring.broken,
        put("loggingConfig/logGroup", "/carbon/dev/rotations"),
        "the log group /carbon/dev/rotations is not made",
    ),
    (
        "lambda/permission:Permission secrets-rotation",
        aws_wiring.broken,
        put("principal", "events.amazonaws.com"),
        "Secrets Manager may not call carbon-dev-rotation",
    ),
    (
        "Invocation secrets-redis",
        aws_wiring.broken,
        put("functionName", "carbon-dev-seed"),
        "the function carbon-dev-seed is not made",
    ),
    (
        "SecurityGroupIngressRule edge-at-pods-8080",
        aws_wiring.broken,
        put("fromPort", 8081),
        "no ingress rule of sg-cluster lets it",
    ),
    (
        "SecurityGroupIngressRule edge-at-pods-8080",
        aws_wiring.broken,
        put("referencedSecurityGroupId", "runner-id"),
        "no ingress rule of sg-cluster lets it",
    ),
    (
        "SecurityGroupEgressRule edge-to-pods-8080",
        aws_wiring.broken,
        put("securityGroupId", "network-id"),
        "no egress rule of edge-id lets it",
    ),
    ("Listener edge-https", aws_wiring.broken, put("port", 8443), "no rule lets anybody in at port 8443"),
    (
        "AccessEntry karpenter-node",
        aws_wiring.broken,
        put("clusterName", "dev"),
        "the cluster dev is not made",
    ),
)


@pytest.mark.parametrize(
    ("where", "look", "change", "expected"),
    MISTAKES,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_on_eks_is_found(
    dev: StackPreview, where: str, look: Look, change: Callable[[Any], None], expected: str
) -> None:
    kind, name = where.split(" ")
    assert [text for text in said(look, changed(dev, kind, name, change)) if expected in text]


@pytest.mark.parametrize("text", ["def handle(event, context): ...", "handle = print", ""])
def test_a_handler_is_found_in_an_archive_as_the_sdk_and_as_the_engine_has_it(text: str) -> None:
    there = text.startswith("def")
    assert aws_wiring.handles(AssetArchive({"function.py": StringAsset(text)}), "function.handle") is there
    of_engine = {"4dabf18193072939515e22adb298388d": "archive", "assets": {"function.py": {"text": text}}}
    assert aws_wiring.handles(of_engine, "function.handle") is there
    assert not aws_wiring.handles(of_engine, "other.handle")
