"""Values of KEDA's chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.manifests import pods
from infra.manifests.meta import NAME, Manifest
from infra.manifests.resources import priority
from infra.settings.services import KedaOperator

_PODS: Final[Mapping[str, str]] = {
    "operator": "keda-operator",
    "metricServer": "keda-operator-metrics-apiserver",
    "webhooks": "keda-admission-webhooks",
}
"""Key of a deployment in most of the chart's maps → its pods' name."""


def values(settings: KedaOperator, *, cluster: str, domain: str, monitored: bool) -> Manifest:
    """Values. It scales Deployments and StatefulSets, and has no rights on anything else.

    Args:
        cluster: its name, in KEDA's own metrics.
        domain: DNS domain of the cluster's services.
    """
    monitor = {"enabled": monitored, "serviceMonitor": {"enabled": monitored}}
    budget = {"maxUnavailable": 1} if settings.replicas > 1 else {}
    spreads = {key: pods.spread({NAME: name}) for key, name in _PODS.items()}
    return {
        "clusterName": cluster,
        "clusterDomain": domain,
        "operator": {"replicaCount": settings.replicas},
        "metricsServer": {"replicaCount": settings.replicas},
        "webhooks": {"replicaCount": settings.replicas, "failurePolicy": "Fail"},
        "rbac": {"enabledCustomScaledRefKinds": False},
        "podDisruptionBudget": dict.fromkeys(_PODS, budget),
        "priorityClassName": priority.OPERATORS,
        "resources": {key: pods.resources(settings.resources) for key in _PODS},
        "topologySpreadConstraints": {
            "operator": spreads["operator"],
            # The one map where the chart spells it otherwise.
            "metricsServer": spreads["metricServer"],
            "webhooks": spreads["webhooks"],
        },
        "prometheus": dict.fromkeys(_PODS, monitor),
    }
