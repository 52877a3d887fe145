"""Values of CloudNativePG's chart."""

from __future__ import annotations

from infra.manifests import pods
from infra.manifests.meta import NAME, Manifest
from infra.manifests.resources import priority
from infra.settings.services import CloudNativePgOperator

_COST_LABELS = "env,owner,team,product,cost-center,tenant"


def values(settings: CloudNativePgOperator, *, monitored: bool) -> Manifest:
    """Values. What the operator makes has the cost labels of the cluster that it makes it for."""
    return {
        "replicaCount": settings.replicas,
        "config": {"data": {"INHERITED_LABELS": _COST_LABELS}},
        "monitoring": {"podMonitorEnabled": monitored},
        "priorityClassName": priority.OPERATORS,
        "resources": pods.resources(settings.resources),
        "topologySpreadConstraints": pods.spread({NAME: "cloudnative-pg"}),
    }
