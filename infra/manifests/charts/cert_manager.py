"""Values of cert-manager's chart."""

from __future__ import annotations

from infra.manifests import pods
from infra.manifests.meta import Manifest
from infra.manifests.resources import priority
from infra.settings.services import CertManagerSettings


def values(settings: CertManagerSettings, *, account: str, monitored: bool) -> Manifest:
    """Values. Its definitions stay when the release goes: with them, every certificate would go.

    Args:
        account: service account of the controller, which may have rights at AWS.
    """
    return {
        "crds": {"enabled": True, "keep": True},
        "global": {"priorityClassName": priority.OPERATORS, "leaderElection": {"namespace": "cert-manager"}},
        **_deployment(settings, "controller"),
        "serviceAccount": {"name": account},
        # Only the cluster's DNS is open to its pods, and it knows the public zones as well.
        "dns01RecursiveNameserversOnly": True,
        "prometheus": {"enabled": True, "servicemonitor": {"enabled": monitored}},
        "webhook": _deployment(settings, "webhook"),
        "cainjector": _deployment(settings, "cainjector"),
        "startupapicheck": {"resources": pods.resources(settings.resources)},
    }


def _deployment(settings: CertManagerSettings, component: str) -> Manifest:
    return {
        "replicaCount": settings.replicas,
        "podDisruptionBudget": {"enabled": settings.replicas > 1},
        "resources": pods.resources(settings.resources),
        "topologySpreadConstraints": pods.spread({"app.kubernetes.io/component": component}),
    }
