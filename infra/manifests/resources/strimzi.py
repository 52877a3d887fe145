"""Kafka as Strimzi takes it: the cluster and its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.manifests import kafka, pods
from infra.manifests.meta import NAME, Manifest, labels, metadata
from infra.manifests.resources import karpenter, priority
from infra.manifests.resources.ready import awaited
from infra.settings import Labels, Resources, Storage
from infra.settings.data import KafkaStrimzi
from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import PLATFORM

API: Final = "kafka.strimzi.io/v1"
CLUSTER: Final = "carbon"
CA_SECRET: Final = f"{CLUSTER}-cluster-ca-cert"
"""Secret with the brokers' certificate authority, key `ca.crt`."""

BROKERS: Final = "broker"
CONTROLLERS: Final = "controller"
ENTITY_OPERATOR: Final = "entity-operator"
CRUISE_CONTROL: Final = "cruise-control"
"""Names that Strimzi's pods have as their label `app.kubernetes.io/name`; a broker's is `kafka`."""

CONTROL_PORT: Final = 9090
REPLICATION_PORT: Final = 9091
METRICS_PORT: Final = 9404
"""Ports that Strimzi gives the nodes: between controllers, between all nodes, for Prometheus."""

METRICS_PORT_NAME: Final = "tcp-prometheus"
USER_SECRETS: Final = "kafka-user-"
"""Start of the name of a Secret with a client's certificate, keys `user.crt` and `user.key`."""

NODES: Final = {"strimzi.io/cluster": CLUSTER, "strimzi.io/kind": "Kafka", NAME: kafka.NAME}
"""Labels that brokers and controllers have, and no other pod."""

_LISTENER: Final = "tls"
CLUSTER_LABEL: Final = "strimzi.io/cluster"
_CONTAINER: Final = pods.container_security(read_only_root=False, seccompProfile=pods.SECCOMP)


def bootstrap(domain: str) -> str:
    """host:port that clients start from."""
    return f"{service()}.{PLATFORM}.svc.{domain}:{ports.KAFKA}"


def service() -> str:
    """Service that clients start from."""
    return f"{CLUSTER}-kafka-bootstrap"


def cluster(identity: Labels, settings: KafkaStrimzi, *, peers: Sequence[Manifest]) -> Manifest:
    """The cluster: its listener, what all brokers share, its operators.

    Args:
        peers: who may connect to the listener, as a NetworkPolicy names them.
    """
    factor, in_sync = settings.replication_factor, settings.min_in_sync
    spec: Manifest = {
        "kafka": {
            "version": settings.version,
            "metadataVersion": metadata_version(settings.version),
            "listeners": [
                {
                    "name": _LISTENER,
                    "port": ports.KAFKA,
                    "type": "internal",
                    "tls": True,
                    "authentication": {"type": "tls"},
                    "networkPolicyPeers": list(peers),
                }
            ],
            "authorization": {"type": "simple"},
            "rack": {"type": "topology-label", "topologyKey": settings.rack_topology_key},
            "config": {
                "auto.create.topics.enable": False,
                "unclean.leader.election.enable": False,
                "default.replication.factor": factor,
                "min.insync.replicas": in_sync,
                "offsets.topic.replication.factor": factor,
                "transaction.state.log.replication.factor": factor,
                "transaction.state.log.min.isr": in_sync,
                # A killed writer's open transaction holds readers and its successor back until it is ended.
                "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
                "group.initial.rebalance.delay.ms": 1000,
                # Consumers read from a replica in their own zone: traffic between zones is paid for.
                "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector",
            },
            "quotas": {
                "type": "kafka",
                "producerByteRate": settings.quotas.producer_bytes_per_second,
                "consumerByteRate": settings.quotas.consumer_bytes_per_second,
                "requestPercentage": settings.quotas.request_percent,
            },
            # Its own choice of figures: all that a broker has are tens of thousands.
            "metricsConfig": {"type": "strimziMetricsReporter"},
            "template": {
                "podDisruptionBudget": {"maxUnavailable": 1},
            },
        },
        "entityOperator": {
            "topicOperator": {"resources": pods.resources(settings.operator_resources)},
            "userOperator": {
                "resources": pods.resources(settings.operator_resources),
                # A workload's own Secret has the workload's name.
                "secretPrefix": USER_SECRETS,
            },
            "template": {
                "pod": _pod(),
                "topicOperatorContainer": {"securityContext": _CONTAINER},
                "userOperatorContainer": {"securityContext": _CONTAINER},
            },
        },
    }
    if settings.cruise_control is not None:
        spec["cruiseControl"] = {
            "resources": pods.resources(settings.cruise_control),
            "template": {"pod": _pod(), "cruiseControlContainer": {"securityContext": _CONTAINER}},
        }
    meta = awaited(metadata(CLUSTER, PLATFORM, labels(identity, kafka.NAME, "broker")))
    return {"apiVersion": API, "kind": "Kafka", "metadata": meta, "spec": spec}


def metadata_version(version: str) -> str:
    """Version of the cluster's metadata: it moves with Kafka's minor version."""
    return ".".join(version.split(".")[:2])


def node_pools(identity: Labels, settings: KafkaStrimzi) -> list[Manifest]:
    """The brokers, and the controllers where they are nodes of their own."""
    roles = ["broker"] if settings.controllers else ["controller", "broker"]
    found = [
        _node_pool(
            identity,
            BROKERS,
            roles,
            settings.brokers,
            settings.heap_mib,
            settings.resources,
            settings.storage,
            settings.node_pool,
        )
    ]
    if (own := settings.controllers) is not None:
        found.append(
            _node_pool(
                identity,
                CONTROLLERS,
                ["controller"],
                own.nodes,
                own.heap_mib,
                own.resources,
                own.storage,
                settings.node_pool,
            )
        )
    return found


def _node_pool(
    identity: Labels,
    name: str,
    roles: Sequence[str],
    nodes: int,
    heap_mib: int,
    resources: Resources,
    storage: Storage,
    karpenter_pool: str | None,
) -> Manifest:
    volume: Manifest = {
        "id": 0,
        "type": "persistent-claim",
        "size": storage.size,
        "deleteClaim": False,
        "kraftMetadata": "shared",
    }
    if storage.storage_class is not None:
        volume["class"] = storage.storage_class
    return {
        "apiVersion": API,
        "kind": "KafkaNodePool",
        "metadata": below(identity, name, "broker"),
        "spec": {
            "replicas": nodes,
            "roles": list(roles),
            # A list of one: another disk can be added without moving what is on this.
            "storage": {"type": "jbod", "volumes": [volume]},
            "resources": pods.resources(resources),
            "jvmOptions": {"-Xms": f"{heap_mib}m", "-Xmx": f"{heap_mib}m"},
            "template": {
                "pod": {
                    **_pod(),
                    "priorityClassName": priority.DATA,
                    "topologySpreadConstraints": _apart(name),
                    **(_on(karpenter_pool) if karpenter_pool else {}),
                },
                "kafkaContainer": {"securityContext": _CONTAINER},
                "initContainer": {"securityContext": _CONTAINER},
            },
        },
    }


def _on(karpenter_pool: str) -> Manifest:
    term = {"key": karpenter.WORKLOAD_CLASS, "operator": "In", "values": [karpenter_pool]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [term]}]}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}},
        "tolerations": karpenter.tolerations(karpenter_pool),
    }


def _pod() -> Manifest:
    return {"securityContext": pods.pod_security(), "enableServiceLinks": False}


def _apart(pool: str) -> list[Manifest]:
    """A zone or a node that is lost takes no more of the nodes along than it has to."""
    return pods.spread({CLUSTER_LABEL: CLUSTER, "strimzi.io/pool-name": pool}, required=True)


def below(identity: Labels, name: str, component: str) -> Manifest:
    """Metadata of what belongs to the cluster: its operators find it by the label."""
    return metadata(name, PLATFORM, {**labels(identity, kafka.NAME, component), CLUSTER_LABEL: CLUSTER})
