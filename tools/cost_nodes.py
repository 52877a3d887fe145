"""What always runs on Karpenter's nodes, and how many nodes that takes.

Counted are the pods that a stack has at its least, by what they ask for: Kafka, PostgreSQL, Redis, MLflow,
monitoring, cost, backups and the workloads. Not counted: jobs, which come and go; operators, which the system
nodes have room for; what runs on every node, which is in the share of it that is not usable.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from infra.settings.base import Resources, Section
from infra.settings.cost import KubecostSettings
from infra.settings.data import (
    Kafka,
    KafkaStrimzi,
    MLflow,
    MLflowChartSettings,
    Postgres,
    PostgresCloudNativePG,
    Redis,
)
from infra.settings.lake import ObjectStore, ObjectStoreGateway, TrinoServer
from infra.settings.monitoring import KubePrometheusStackSettings, Monitoring
from infra.settings.recovery import VeleroSettings
from infra.settings.services import NodePool, ServicesSettings
from infra.workloads import ROOMS
from tools.prices import Line

LARGE_CPUS: Final = 2
"""vCPUs of a `large`: within a family, a vCPU and its memory cost the same in every size."""
_LARGE_GIB: Final = {"c": 4, "m": 8, "r": 16, "t": 8}
"""GiB of a `large`, by the letter that a family begins with."""
_USABLE_CPU: Final = 0.9
_USABLE_MEMORY: Final = 0.85
"""Shares of a node that pods may ask for, assumed: the rest is the kubelet's, the system's, and that of what
runs on every node."""


@dataclass(frozen=True)
class Standing:
    """Pods that always run.

    Attributes:
        pool: whose nodes they run on; None for any that fits.
    """

    pods: int
    resources: Resources
    pool: str | None = None


def lines(config: Mapping[str, Any]) -> Iterator[Line]:
    """Nodes of each pool for what always runs, as so many `large` of the pool's first family.

    Args:
        config: section → content, as the stack's files have it together.
    """
    services: ServicesSettings | None = section(config, "services", ServicesSettings)
    if services is None or services.karpenter is None:
        return
    pools = services.karpenter.pools
    general = next((name for name, pool in sorted(pools.items()) if not pool.dedicated), None)
    cpus: Counter[str | None] = Counter()
    gib: Counter[str | None] = Counter()
    for one in standing(config):
        pool = one.pool if one.pool in pools else general
        cpus[pool] += one.pods * milli(one.resources.cpu)
        gib[pool] += one.pods * mebi(one.resources.memory)
    for name, pool in sorted(pools.items()):
        nodes = _larges(pool, cpus[name] / 1000, gib[name] / 1024)
        asked = f"{cpus[name] / 1000:g} vCPUs and {gib[name] / 1024:.1f} GiB"
        yield Line(
            f"ec2:{pool.families[0]}.large", nodes, f"node pool {name} for the {asked} that always run"
        )


def standing(config: Mapping[str, Any]) -> Iterator[Standing]:
    """The pods that a stack has at its least."""
    yield from _data(config)
    yield from _watch(config)
    for room in ROOMS:
        made: Section | None = section(config, room.section, room.settings)
        if made is not None:
            yield from _workload(made)


def _data(config: Mapping[str, Any]) -> Iterator[Standing]:
    kafka: Kafka | None = section(config, "kafka", Kafka)
    if kafka is not None:
        pool = kafka.node_pool if isinstance(kafka, KafkaStrimzi) else None
        yield Standing(kafka.brokers, kafka.resources, pool)
        if isinstance(kafka, KafkaStrimzi):
            yield Standing(2, kafka.operator_resources)
            if kafka.controllers is not None:
                yield Standing(kafka.controllers.nodes, kafka.controllers.resources, pool)
            if kafka.cruise_control is not None:
                yield Standing(1, kafka.cruise_control)
    postgres: Postgres | None = section(config, "postgres", Postgres)
    if isinstance(postgres, PostgresCloudNativePG):
        yield Standing(postgres.instances, postgres.resources, postgres.node_pool)
        yield Standing(postgres.instances, postgres.backup.resources, postgres.node_pool)
        yield Standing(postgres.pooler.instances, postgres.pooler.resources)
    elif postgres is not None:
        yield Standing(1, postgres.resources)
    redis: Redis | None = section(config, "redis", Redis)
    if redis is not None:
        yield Standing(1, redis.resources)
    mlflow: MLflow | None = section(config, "mlflow", MLflow)
    if mlflow is not None:
        yield Standing(mlflow.replicas if isinstance(mlflow, MLflowChartSettings) else 1, mlflow.resources)
    store: ObjectStore | None = section(config, "object_store", ObjectStore)
    if isinstance(store, ObjectStoreGateway):
        yield Standing(1, store.resources)
    trino: TrinoServer | None = section(config, "trino", TrinoServer)
    if trino is not None:
        yield Standing(1, trino.resources)


def _watch(config: Mapping[str, Any]) -> Iterator[Standing]:
    monitoring: Monitoring | None = section(config, "monitoring", Monitoring)
    if isinstance(monitoring, KubePrometheusStackSettings):
        yield Standing(monitoring.prometheus.replicas, monitoring.prometheus.resources)
        yield Standing(monitoring.alertmanager.replicas, monitoring.alertmanager.resources)
        singles = (monitoring.operator, monitoring.postgres_exporter, monitoring.kube_state_metrics)
        for one in (*singles, *([monitoring.grafana] if monitoring.grafana is not None else [])):
            yield Standing(1, one.resources)
    kubecost: KubecostSettings | None = section(config, "cost", KubecostSettings)
    if kubecost is not None:
        yield Standing(1, kubecost.resources)
        yield Standing(1, kubecost.store)
    recovery: VeleroSettings | None = section(config, "recovery", VeleroSettings)
    if recovery is not None:
        yield Standing(1, recovery.resources)


def _workload(made: Section) -> Iterator[Standing]:
    """A room's section, and those within it; one without a number of pods is a job's."""
    scaler = getattr(made, "scaler", None)
    pods = scaler.min_replicas if scaler is not None else getattr(made, "replicas", None)
    if pods is not None and isinstance(resources := getattr(made, "resources", None), Resources):
        yield Standing(pods, resources)
    for name in type(made).model_fields:
        if isinstance(inner := getattr(made, name), Section) and name not in ("scaler", "resources"):
            yield from _workload(inner)


def _larges(pool: NodePool, cpus: float, gib: float) -> int:
    large = _LARGE_GIB[pool.families[0][0]]
    return math.ceil(max(cpus / (LARGE_CPUS * _USABLE_CPU), gib / (large * _USABLE_MEMORY)))


def section(config: Mapping[str, Any], name: str, kind: Any) -> Any:
    """A section as its model reads it; None where the stack is without it."""
    return TypeAdapter(kind).validate_python(config[name]) if config.get(name) is not None else None


def milli(cpu: str) -> int:
    """Thousandths of a CPU."""
    number, unit = (cpu[:-1], cpu[-1]) if cpu[-1] in "mk" else (cpu, "")
    return int(number) * {"m": 1, "": 1000, "k": 10**6}[unit]


def mebi(size: str) -> int:
    """MiB of memory or of a volume, rounded up."""
    number, unit = int(size[:-2]), size[-2:]
    return math.ceil(number * {"Ti": 2**20, "Gi": 2**10, "Mi": 1, "Ki": 2**-10}[unit])
