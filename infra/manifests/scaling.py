"""How many pods run, and how many may go at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.manifests.meta import Manifest, selector
from infra.manifests.services import KafkaAccess, KafkaTls
from infra.manifests.workload import Workload
from workloads.kit.contracts import env

ROLLING: Final[Manifest] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
"""One more, then one less: for servers, whose callers should not notice."""

IN_PLACE: Final[Manifest] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
"""One less, then one more: for consumers, where one member too many only moves partitions twice."""

RECREATE: Final[Manifest] = {"type": "Recreate"}
"""The old one goes first: for what must not run twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """Whose lag on which topic.

    Args:
        kafka: where the brokers are.
        group: the consumer group; also the client whose certificate is shown.
    """

    kafka: KafkaAccess
    group: str
    topic: str


def hpa(w: Workload, *, least: int, most: int, cpu_percent: int, memory_percent: int) -> Manifest:
    """A HorizontalPodAutoscaler on the deployment of the workload."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": w.metadata(),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": w.name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": name,
                        "target": {"type": "Utilization", "averageUtilization": percent},
                    },
                }
                for name, percent in (("cpu", cpu_percent), ("memory", memory_percent))
            ],
            "behavior": {
                # A start or a rebalance is a burst of work, not load: it must last to count.
                "scaleUp": {
                    "stabilizationWindowSeconds": 60,
                    "selectPolicy": "Max",
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": 300,
                    "selectPolicy": "Max",
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                },
            },
        },
    }


def scaled_object(
    w: Workload,
    *,
    least: int,
    most: int,
    cpu_percent: int,
    memory_percent: int,
    lag: Lag | None,
    lag_messages: int,
) -> Manifest:
    """A KEDA ScaledObject on the deployment of the workload.

    Args:
        lag: what it consumes, None for a workload that consumes nothing.
        lag_messages: lag a pod that calls for one more.
    """
    triggers: list[Manifest] = [
        {"type": name, "metricType": "Utilization", "metadata": {"value": str(percent)}}
        for name, percent in (("cpu", cpu_percent), ("memory", memory_percent))
    ]
    if lag is not None:
        figures = {
            "bootstrapServers": lag.kafka.bootstrap,
            "consumerGroup": lag.group,
            "topic": lag.topic,
            "lagThreshold": str(lag_messages),
            # A group that has committed nothing starts at the beginning: all that is there is its lag.
            "offsetResetPolicy": "earliest",
        }
        trigger: Manifest = {"type": "kafka", "metadata": figures}
        if lag.kafka.tls is not None:
            figures["tls"] = "enable"
            trigger["authenticationRef"] = {"name": w.name}
        triggers.append(trigger)
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": w.metadata(),
        "spec": {
            "scaleTargetRef": {"name": w.name},
            "minReplicaCount": least,
            "maxReplicaCount": most,
            "cooldownPeriod": 300,
            "triggers": triggers,
        },
    }


def trigger_authentication(w: Workload, lag: Lag, tls: KafkaTls) -> Manifest:
    """What KEDA shows the brokers: the certificate of the consumer that it scales, which may see its lag."""
    user = tls.user_secret(lag.group)
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": w.metadata(),
        "spec": {
            "secretTargetRef": [
                {"parameter": "ca", "name": tls.ca_secret, "key": env.TLS_CA},
                {"parameter": "cert", "name": user, "key": env.TLS_CERTIFICATE},
                {"parameter": "key", "name": user, "key": env.TLS_KEY},
            ]
        },
    }


def disruption_budget(w: Workload) -> Manifest:
    """A drain takes one of the workload's pods at a time."""
    return budget(w.metadata(), selector(w.name))


def budget(meta: Manifest, pods: Mapping[str, str]) -> Manifest:
    """A drain takes one pod at a time. A pod that cannot start does not stop the drain.

    Args:
        pods: labels of the pods.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": meta,
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": dict(pods)},
        },
    }
