"""Values of the Strimzi operator's chart."""

from __future__ import annotations

from collections.abc import Sequence

from infra.manifests import pods
from infra.manifests.meta import Manifest
from infra.manifests.resources import priority
from infra.settings.services import StrimziOperator

POD_LABELS = {"strimzi.io/kind": "cluster-operator"}


def values(settings: StrimziOperator, *, namespaces: Sequence[str], domain: str) -> Manifest:
    """Values.

    Args:
        namespaces: where there is Kafka; the operator has rights in these only.
        domain: DNS domain of the cluster's services.
    """
    return {
        "replicas": settings.replicas,
        "watchNamespaces": list(namespaces),
        "kubernetesServiceDnsDomain": domain,
        "leaderElection": {"enable": True},
        "podDisruptionBudget": {"enabled": settings.replicas > 1},
        "podSecurityContext": pods.pod_security(),
        "priorityClassName": priority.OPERATORS,
        "resources": pods.resources(settings.resources),
        "topologySpreadConstraints": pods.spread(POD_LABELS),
    }
