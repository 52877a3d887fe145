"""What pods say, whoever makes them: ourselves, a chart or an operator. In the words of Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.manifests.meta import Manifest
from infra.settings import Resources

ZONE: Final = "topology.kubernetes.io/zone"
NODE: Final = "kubernetes.io/hostname"
"""Labels of a node that say where it is, and which it is."""

SECCOMP: Final[Manifest] = {"type": "RuntimeDefault"}


def pod_security(**more: Any) -> Manifest:
    """Security context of a restricted pod.

    Args:
        more: further fields, such as the user that it runs as.
    """
    return {"runAsNonRoot": True, "seccompProfile": SECCOMP, **more}


def container_security(*, non_root: bool = True, read_only_root: bool = True, **more: Any) -> Manifest:
    """Security context of a restricted container.

    Args:
        non_root: whether it says so itself; its pod does in any case.
        read_only_root: no, where an operator's image writes there.
        more: further fields.
    """
    made: Manifest = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, **more}
    if non_root:
        made["runAsNonRoot"] = True
    if read_only_root:
        made["readOnlyRootFilesystem"] = True
    return made


def resources(settings: Resources) -> Manifest:
    """Requests and limits of a container."""
    return {
        "requests": {"cpu": settings.cpu, "memory": settings.memory},
        "limits": {"cpu": settings.cpu_limit, "memory": settings.memory_limit},
    }


def count(number: int) -> str:
    """A number of objects as the API server writes it back: thousands as `k`."""
    return f"{number // 1000}k" if number and number % 1000 == 0 else str(number)


def spread(
    labels: Mapping[str, str], *, over: Sequence[str] = (ZONE, NODE), required: bool = False
) -> list[Manifest]:
    """Pods with these labels go to different zones and nodes.

    Args:
        over: label of the nodes that tells places apart.
        required: whether a pod waits where there is no other place; by default as far as there are any.
    """
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "DoNotSchedule" if required else "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
        for key in over
    ]
