"""Values of Karpenter's chart."""

from __future__ import annotations

from infra.manifests import pods
from infra.manifests.meta import Manifest
from infra.names import Names
from infra.settings.services import KarpenterSettings


def values(settings: KarpenterSettings, *, names: Names, account: str, monitored: bool) -> Manifest:
    """Values. Its pods run on the system nodes only: the chart keeps them off nodes of its own making.

    Args:
        account: its service account, which has rights at AWS.
    """
    return {
        "replicas": settings.replicas,
        "serviceAccount": {"name": account},
        "serviceMonitor": {"enabled": monitored},
        "controller": {
            "resources": pods.resources(settings.resources),
            # Nodes answer for their own metadata to nobody but themselves, so the pods are told.
            "env": [{"name": "AWS_REGION", "value": names.region}],
        },
        "settings": {
            "clusterName": names.cluster,
            "interruptionQueue": names.interruption_queue,
            "eksControlPlane": True,
        },
    }
