"""Values of Kyverno's chart."""

from __future__ import annotations

from collections.abc import Sequence

from infra.manifests import pods
from infra.manifests.meta import Manifest
from infra.manifests.resources import priority
from infra.settings.services import KyvernoOperator

_COMPONENT = "app.kubernetes.io/component"
_FEW = 2
"""Pods of what works in the background, where admission has more: one leads, another stands by."""


def values(settings: KyvernoOperator, *, excluded: Sequence[str], monitored: bool) -> Manifest:
    """Values.

    Args:
        excluded: namespaces whose objects Kyverno is never asked about, so that the cluster's own operators
            start when Kyverno does not. Its own and kube-system are always among them.
    """
    return {
        "config": {
            "webhooks": {
                "namespaceSelector": {
                    "matchExpressions": [
                        {
                            "key": "kubernetes.io/metadata.name",
                            "operator": "NotIn",
                            "values": sorted({"kube-system", *excluded}),
                        }
                    ]
                }
            }
        },
        # Our own rules run as Kyverno's policies; a second copy as the API server's own would say all twice.
        "features": {"generateValidatingAdmissionPolicy": {"enabled": False}},
        "admissionController": {
            **_common(settings.replicas, "admission-controller", monitored=monitored),
            "container": {"resources": pods.resources(settings.resources)},
            "priorityClassName": priority.OPERATORS,
        },
        **{
            f"{name}Controller": {
                **_common(min(settings.replicas, _FEW), f"{name}-controller", monitored=monitored),
                "resources": pods.resources(settings.resources),
                "priorityClassName": priority.OPERATORS,
            }
            for name in ("background", "cleanup", "reports")
        },
    }


def _common(replicas: int, component: str, *, monitored: bool) -> Manifest:
    return {
        "replicas": replicas,
        "podDisruptionBudget": {"enabled": replicas > 1},
        "serviceMonitor": {"enabled": monitored},
        "topologySpreadConstraints": pods.spread({_COMPONENT: component}),
    }
