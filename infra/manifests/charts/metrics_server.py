"""Values of metrics-server's chart."""

from __future__ import annotations

from infra.manifests import pods
from infra.manifests.meta import NAME, Manifest
from infra.settings.services import MetricsServerSettings


def values(settings: MetricsServerSettings, *, certified: bool, monitored: bool) -> Manifest:
    """Values.

    Args:
        certified: whether cert-manager makes its certificate; otherwise it signs one itself, and the API
            server cannot verify whom it talks to.
    """
    return {
        "replicas": settings.replicas,
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1}
        if settings.replicas > 1
        else {"enabled": False},
        "resources": pods.resources(settings.resources),
        "topologySpreadConstraints": pods.spread({NAME: "metrics-server"}),
        "apiService": {"insecureSkipTLSVerify": not certified},
        "tls": {"type": "cert-manager" if certified else "metrics-server"},
        "metrics": {"enabled": monitored},
        "serviceMonitor": {"enabled": monitored},
    }
