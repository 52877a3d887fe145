"""What the values of all charts say of pods, in the words of Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping

from infra.manifests.meta import Manifest
from infra.settings import Resources


def resources(settings: Resources) -> Manifest:
    """Requests and limits of a container."""
    return {
        "requests": {"cpu": settings.cpu, "memory": settings.memory},
        "limits": {"cpu": settings.cpu_limit, "memory": settings.memory_limit},
    }


def spread(labels: Mapping[str, str]) -> list[Manifest]:
    """Pods with these labels go to different zones and nodes, as far as there are any."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
