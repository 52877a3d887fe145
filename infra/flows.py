"""Every workload's namespace, and who may talk to whom: the paths that are open, and all that is scraped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from infra import namespaces
from infra.manifests import exporters, kafka, mlflow, postgres, prometheus, redis, workload
from infra.manifests import platform_workloads as own
from infra.manifests.network import Paths, Peer
from infra.manifests.prometheus import Target
from infra.manifests.resources import cloudnative_pg
from infra.settings import PlatformSettings
from infra.settings.data import PostgresCloudNativePG
from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM

NAMESPACE_OF: Final = {
    **dict.fromkeys(
        (
            kafka.NAME,
            postgres.NAME,
            redis.NAME,
            mlflow.NAME,
            own.MIGRATIONS,
            own.TOPICS,
            own.PRICE_PIPELINE,
            own.PRICE_REPLAY,
            own.ANALYTICS_CONSUMER,
            own.PREDICTION_CONSUMER,
            own.MODEL_TRAINING,
            own.MODEL_MONITOR,
            own.MODEL_SERVER,
        ),
        PLATFORM,
    ),
    **dict.fromkeys(
        (
            prometheus.NAME,
            prometheus.ALERTMANAGER,
            exporters.POSTGRES_EXPORTER,
            exporters.KUBE_STATE_METRICS,
        ),
        MONITORING,
    ),
}
"""Every workload and the namespace it runs in."""

FLOWS: Final = (
    (own.TOPICS, kafka.NAME, ports.KAFKA),
    (own.PRICE_PIPELINE, kafka.NAME, ports.KAFKA),
    (own.PRICE_REPLAY, kafka.NAME, ports.KAFKA),
    (own.ANALYTICS_CONSUMER, kafka.NAME, ports.KAFKA),
    (own.PREDICTION_CONSUMER, kafka.NAME, ports.KAFKA),
    (own.MIGRATIONS, postgres.NAME, ports.POSTGRES),
    (mlflow.NAME, postgres.NAME, ports.POSTGRES),
    (own.PRICE_PIPELINE, postgres.NAME, ports.POSTGRES),
    (own.ANALYTICS_CONSUMER, postgres.NAME, ports.POSTGRES),
    (own.PREDICTION_CONSUMER, postgres.NAME, ports.POSTGRES),
    (own.MODEL_TRAINING, postgres.NAME, ports.POSTGRES),
    (own.MODEL_MONITOR, postgres.NAME, ports.POSTGRES),
    (own.MODEL_SERVER, postgres.NAME, ports.POSTGRES),
    (exporters.POSTGRES_EXPORTER, postgres.NAME, ports.POSTGRES),
    (own.MODEL_TRAINING, mlflow.NAME, ports.MLFLOW),
    (own.MODEL_MONITOR, mlflow.NAME, ports.MLFLOW),
    (own.MODEL_SERVER, mlflow.NAME, ports.MLFLOW),
    (own.MODEL_SERVER, redis.NAME, ports.REDIS),
    (own.PREDICTION_CONSUMER, own.MODEL_SERVER, ports.MODEL_SERVER),
    (prometheus.NAME, own.ANALYTICS_CONSUMER, ports.METRICS),
    (prometheus.NAME, own.PREDICTION_CONSUMER, ports.METRICS),
    (prometheus.NAME, own.PRICE_REPLAY, ports.METRICS),
    (prometheus.NAME, own.MODEL_SERVER, ports.MODEL_SERVER),
    (prometheus.NAME, exporters.POSTGRES_EXPORTER, ports.POSTGRES_EXPORTER),
    (prometheus.NAME, exporters.KUBE_STATE_METRICS, ports.KUBE_STATE_METRICS),
    (prometheus.NAME, prometheus.ALERTMANAGER, ports.ALERTMANAGER),
)
"""Who may talk to whom: (from, to, port). NetworkPolicies close everything else."""

API_CLIENTS: Final = frozenset({exporters.KUBE_STATE_METRICS})
"""Who may talk to the Kubernetes API."""

KEDA: Final = Peer(namespaces.KEDA, "keda-operator")
"""Asks the brokers how far consumers are behind."""

API_PORTS: Final = (443, 6443)
"""Of its service, and of an API server where the policy sees the address behind the service."""


def paths(
    name: str,
    api_cidrs: Sequence[str],
    networks: Sequence[tuple[str, int]] = (),
    pods: Mapping[str, str] | None = None,
) -> Paths:
    """All paths of a workload.

    Args:
        api_cidrs: networks of the Kubernetes API.
        networks: (CIDR, port) outside the cluster that it may reach, besides the Kubernetes API.
        pods: workload → name that its pods have as a label, where an operator gives them another.
    """
    named = pods or {}
    return Paths(
        ingress=tuple((peer(source, named), port) for source, target, port in FLOWS if target == name),
        egress=tuple((peer(target, named), port) for source, target, port in FLOWS if source == name),
        networks=(*networks, *(api(api_cidrs) if name in API_CLIENTS else ())),
    )


def pod_names(settings: PlatformSettings) -> dict[str, str]:
    """Workload → name that its pods have as a label, where an operator gives them another."""
    if isinstance(settings.postgres, PostgresCloudNativePG):
        return {postgres.NAME: cloudnative_pg.POD_NAME}
    return {}


def targets(domain: str) -> list[Target]:
    """What Prometheus scrapes: whatever it has a path to.

    Args:
        domain: DNS domain of the cluster.
    """
    found: list[Target] = []
    for source, job, port in FLOWS:
        if source == prometheus.NAME:
            namespace = NAMESPACE_OF[job]
            each_pod = namespace == PLATFORM
            service = workload.metrics_name(job) if each_pod else job
            host = f"{service}.{namespace}.svc.{domain}"
            found.append(Target(job=job, namespace=namespace, host=host, port=port, each_pod=each_pod))
    return found


def api(cidrs: Sequence[str]) -> list[tuple[str, int]]:
    """(CIDR, port) of the Kubernetes API."""
    return [(cidr, port) for cidr in cidrs for port in API_PORTS]


def peer(name: str, pods: Mapping[str, str] | None = None) -> Peer:
    """A workload as one end of a path; `pods` as in `pod_names`."""
    return Peer(NAMESPACE_OF[name], (pods or {}).get(name, name))
