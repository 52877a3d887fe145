"""Kafka: combined brokers and controllers (KRaft), one stateful set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infra.manifests.meta import Manifest
from infra.manifests.objects import service
from infra.manifests.probes import Probes, Tcp
from infra.manifests.workload import Volume, Workload
from infra.settings import Labels, Resources, Storage
from workloads.kit.contracts import env, ports
from workloads.kit.contracts.declared.services import KAFKA

NAME: Final = KAFKA.name
BOOTSTRAP: Final = "kafka-bootstrap"

_CLUSTER_ID: Final = "Y2FyYm9uLXBsYXRmb3JtAA"
"""Same for every installation: it only keeps a volume of another cluster from being taken for this one's."""

_DATA: Final = "/var/lib/kafka"
_CONFIG: Final = "/etc/kafka"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokers:
    """What differs between installations.

    Args:
        external: (host, port) of each broker for clients outside the cluster; empty if there are none.
    """

    namespace: str
    domain: str
    count: int
    replication_factor: int
    min_in_sync: int
    heap_mib: int
    external: Sequence[tuple[str, int]] = ()


def bootstrap(brokers: Brokers) -> str:
    """host:port that clients in the cluster start from."""
    return f"{BOOTSTRAP}.{brokers.namespace}.svc.{brokers.domain}:{ports.KAFKA}"


def workload(
    brokers: Brokers, identity: Labels, image: str, resources: Resources, storage: Storage
) -> Workload:
    """A broker's pod. Its ordinal, which Kubernetes sets as a label, is its node id and picks its file."""
    files = {f"server-{i}.properties": server_properties(brokers, i) for i in range(brokers.count)}
    return Workload(
        name=NAME,
        namespace=brokers.namespace,
        component="broker",
        identity=identity,
        image=image,
        resources=resources,
        env={
            "CLUSTER_ID": _CLUSTER_ID,
            "KAFKA_CONFIG": f"{_CONFIG}/server-$(ORDINAL).properties",
            "KAFKA_HEAP_OPTS": f"-Xms{brokers.heap_mib}m -Xmx{brokers.heap_mib}m",
            "KAFKA_LOG_LEVEL": "WARN",
        },
        fields={
            env.POD_NAME: "metadata.name",
            "ORDINAL": "metadata.labels['apps.kubernetes.io/pod-index']",
        },
        ports={
            "internal": ports.KAFKA,
            "controller": ports.KAFKA_CONTROLLER,
            "external": ports.KAFKA_EXTERNAL,
        },
        files=files,
        files_at=_CONFIG,
        volume=Volume(storage, _DATA),
        probes=Probes(live=Tcp(ports.KAFKA), ready=Tcp(ports.KAFKA)),
        grace_seconds=30,
        exceptions={"scaler": "brokers hold data and vote: their number is a decision, not a load figure"},
    )


def services(w: Workload, brokers: Brokers) -> list[Manifest]:
    """Names of the brokers for each other, one address to start from, and one a broker for outside."""
    made = [
        service(
            w,
            {"internal": ports.KAFKA, "controller": ports.KAFKA_CONTROLLER},
            headless=True,
            unready=True,
        ),
        service(w, {"internal": ports.KAFKA}, name=BOOTSTRAP),
    ]
    for ordinal in range(len(brokers.external)):
        pod = f"{NAME}-{ordinal}"
        made.append(
            service(
                w,
                {"external": ports.KAFKA_EXTERNAL},
                name=pod,
                pods={"statefulset.kubernetes.io/pod-name": pod},
            )
        )
    return made


def server_properties(brokers: Brokers, ordinal: int) -> str:
    """Configuration of one broker."""
    advertised = [f"INTERNAL://{_host(brokers, ordinal)}:{ports.KAFKA}"]
    listeners = [f"INTERNAL://:{ports.KAFKA}", f"CONTROLLER://:{ports.KAFKA_CONTROLLER}"]
    if brokers.external:
        host, port = brokers.external[ordinal]
        advertised.append(f"EXTERNAL://{host}:{port}")
        listeners.append(f"EXTERNAL://:{ports.KAFKA_EXTERNAL}")
    voters = [f"{i}@{_host(brokers, i)}:{ports.KAFKA_CONTROLLER}" for i in range(brokers.count)]
    factor, in_sync = str(brokers.replication_factor), str(brokers.min_in_sync)
    return _properties(
        {
            "process.roles": "broker,controller",
            "controller.quorum.voters": ",".join(voters),
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(
                f"{name}:PLAINTEXT" for name in ("INTERNAL", "CONTROLLER", "EXTERNAL")
            ),
            "inter.broker.listener.name": "INTERNAL",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": f"{_DATA}/log",
            "auto.create.topics.enable": "false",
            "unclean.leader.election.enable": "false",
            "default.replication.factor": factor,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": factor,
            "transaction.state.log.replication.factor": factor,
            "transaction.state.log.min.isr": in_sync,
            # 50 partitions each are meant for hundreds of groups, and cost every broker's start.
            "offsets.topic.num.partitions": "12",
            "transaction.state.log.num.partitions": "12",
            # A broker that dies is noticed in 3 s rather than 9: its partitions stall no longer.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            # A killed writer's open transaction holds readers and its successor back until it is ended.
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            "group.initial.rebalance.delay.ms": "1000",
        }
    )


def _host(brokers: Brokers, ordinal: int) -> str:
    return f"{NAME}-{ordinal}.{NAME}.{brokers.namespace}.svc.{brokers.domain}"


def _properties(values: dict[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in values.items())
