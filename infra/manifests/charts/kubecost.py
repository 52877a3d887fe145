"""Values of Kubecost's chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.manifests import pods
from infra.manifests.meta import Manifest
from infra.manifests.resources import cost
from infra.settings.cost import KubecostSettings
from infra.settings.tenants import TenantBudget

_REGISTRY: Final = "public.ecr.aws"
"""Nodes reach it without a limit of pulls. One image lies there under another name."""

_AGENT: Final = "kubecost/agent"


def values(
    settings: KubecostSettings, *, cluster: str, tenants: Mapping[str, TenantBudget], monitored: bool
) -> Manifest:
    """Values. It reads the cluster and changes nothing in it, and tells nobody outside.

    Args:
        cluster: its name in every row of cost.
        tenants: namespace → budget.
    """
    budgets = [
        *(cost.budget(cluster, f"Namespace {name}", b, namespace=name) for name, b in tenants.items()),
        *(cost.budget(cluster, f"Team {team}", b, team=team) for team, b in settings.teams.items()),
    ]
    return {
        "global": {
            "clusterId": cluster,
            "imageRegistry": _REGISTRY,
            "defaultStorageClass": settings.storage_class or "",
        },
        "aggregator": {
            "retention1d": settings.retention_days,
            "resources": pods.resources(settings.resources),
            "aggregatorDbStorage": {"storageRequest": settings.database_size},
            "serviceMonitor": {"enabled": monitored},
        },
        "localStore": {
            "persistentVolume": {"size": settings.metrics_size},
            "resources": pods.resources(settings.store),
            "retention1d": settings.retention_days,
        },
        "finopsagent": {"image": {"repository": _AGENT}},
        # Those act on the cluster, watch packets from the nodes' network, or need a billing export.
        "clusterController": {"enabled": False},
        "networkCosts": {"enabled": False},
        "cloudCost": {"enabled": False},
        "telemetry": {"enabled": False},
        "reporting": {"logCollection": False},
        "kubecostProductConfigs": {
            "clusterProfile": "production",
            "currencyCode": cost.CURRENCY,
            "labelMappingConfigs": dict(cost.LABELS),
            "sharedNamespaces": ",".join(cost.SHARED),
            "shareTenancyCosts": True,
            "budgets": {"budgetsConfig": budgets},
        },
    }
