"""Rights of the few pods that ask the Kubernetes API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.manifests.meta import Manifest, metadata
from infra.manifests.workload import Workload


def reader(w: Workload, namespaces: Sequence[str], resources: Mapping[str, Sequence[str]]) -> list[Manifest]:
    """Lets the workload list and watch kinds of object in some namespaces, and nothing else.

    Args:
        resources: API group → plural names.
    """
    made: list[Manifest] = []
    for namespace in namespaces:
        meta = metadata(w.name, namespace, w.labels)
        made += [
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": meta,
                "rules": [
                    {"apiGroups": [group], "resources": list(kinds), "verbs": ["get", "list", "watch"]}
                    for group, kinds in resources.items()
                ],
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": w.name},
                "subjects": [{"kind": "ServiceAccount", "name": w.name, "namespace": w.namespace}],
            },
        ]
    return made
