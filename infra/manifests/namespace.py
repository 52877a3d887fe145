"""A namespace and its defaults."""

from __future__ import annotations

from infra.manifests import network
from infra.manifests.admission import ENFORCED
from infra.manifests.meta import Manifest, labels, metadata
from infra.manifests.pods import count
from infra.settings import Labels, Resources


def namespace(name: str, identity: Labels, *, enforced: bool = False) -> Manifest:
    """The namespace; it takes restricted pods only.

    Args:
        enforced: whether the cluster refuses objects there that break the policies.
    """
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata(
            name,
            None,
            {**labels(identity, name, "namespace"), **security, **(ENFORCED if enforced else {})},
        ),
    }


def defaults(
    name: str,
    identity: Labels,
    *,
    cpu: str,
    memory: str,
    memory_limit: str,
    pods: int,
    claims: int,
    container: Resources,
) -> list[Manifest]:
    """Quota, limits and the policies that every pod of a namespace lives under.

    Args:
        cpu, memory, memory_limit: sums over all pods; of requests, of requests, of limits.
        container: what a container gets that asks for nothing.
    """
    theirs = labels(identity, name, "namespace")
    return [
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": metadata("quota", name, theirs),
            "spec": {
                "hard": {
                    "requests.cpu": cpu,
                    "requests.memory": memory,
                    "limits.memory": memory_limit,
                    "pods": count(pods),
                    "persistentvolumeclaims": count(claims),
                    "services.loadbalancers": "0",
                    "services.nodeports": "0",
                }
            },
        },
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": metadata("limits", name, theirs),
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "defaultRequest": {"cpu": container.cpu, "memory": container.memory},
                        "default": {"cpu": container.cpu_limit, "memory": container.memory_limit},
                    }
                ]
            },
        },
        network.default_deny(name, theirs),
        network.allow_dns(name, theirs),
    ]
