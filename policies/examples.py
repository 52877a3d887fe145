"""Objects that the rules' examples are made from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

LABELS = {
    "app.kubernetes.io/name": "demo",
    "app.kubernetes.io/part-of": "carbon-platform",
    "app.kubernetes.io/managed-by": "pulumi",
    "owner": "platform",
    "team": "platform",
    "product": "carbon",
    "env": "local",
    "cost-center": "cc-1",
}

CONTAINER: dict[str, Any] = {
    "name": "demo",
    "image": "carbon/demo:0123456789ab",
    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}},
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
}

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "demo", "namespace": "carbon", "labels": LABELS},
    "spec": {
        "replicas": 1,
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [CONTAINER],
            },
        },
    },
}

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "demo", "namespace": "carbon", "labels": LABELS},
    "spec": {"type": "ClusterIP", "ports": [{"port": 80}]},
}


def with_pod(**fields: Any) -> dict[str, Any]:
    """The deployment with other fields in its pod's specification."""
    changed = copy.deepcopy(DEPLOYMENT)
    changed["spec"]["template"]["spec"].update(fields)
    return changed


def with_container(**fields: Any) -> dict[str, Any]:
    """The deployment with other fields in its container; None removes one."""
    merged = {k: v for k, v in {**CONTAINER, **fields}.items() if v is not None}
    return with_pod(containers=[merged])


def with_security(**fields: Any) -> dict[str, Any]:
    """The deployment with other fields in its container's security context; None removes one."""
    context: Mapping[str, Any] = {**CONTAINER["securityContext"], **fields}
    return with_container(securityContext={k: v for k, v in context.items() if v is not None})
