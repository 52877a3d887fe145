"""Values of External Secrets' chart."""

from __future__ import annotations

from infra.manifests import pods
from infra.manifests.meta import NAME, Manifest
from infra.manifests.resources import priority
from infra.settings.services import ExternalSecretsOperator


def values(settings: ExternalSecretsOperator, *, account: str, monitored: bool) -> Manifest:
    """Values. It reads secrets, and neither writes any back nor lets namespace roles ask for some.

    Args:
        account: service account of the controller, which has rights at AWS.
    """
    return {
        **_deployment(settings, "external-secrets"),
        "leaderElect": settings.replicas > 1,
        "serviceAccount": {"name": account},
        "processPushSecret": False,
        "processClusterPushSecret": False,
        "crds": {"createPushSecret": False, "createClusterPushSecret": False},
        "rbac": {"aggregateToView": False, "aggregateToEdit": False, "aggregateToAdmin": False},
        "livenessProbe": {"enabled": True},
        "readinessProbe": {"enabled": True},
        # Otherwise the chart leaves it out, without a word, when it looks before the definitions are served.
        "serviceMonitor": {"enabled": monitored, "renderMode": "alwaysRender"},
        "webhook": _deployment(settings, "external-secrets-webhook"),
        "certController": _deployment(settings, "external-secrets-cert-controller"),
    }


def _deployment(settings: ExternalSecretsOperator, name: str) -> Manifest:
    return {
        "replicaCount": settings.replicas,
        "podDisruptionBudget": {"enabled": settings.replicas > 1},
        "priorityClassName": priority.OPERATORS,
        "resources": pods.resources(settings.resources),
        "topologySpreadConstraints": pods.spread({NAME: name}),
    }
