"""Objects and resources that the rules' examples are made from, and the limits that they keep."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from policies.limits import Limits
from policies.rule import Resource

LIMITS = Limits(
    regions=("eu-central-1",),
    instances=("m7g.*", "t4g.medium"),
    registries=("registry.example/",),
    digests=True,
    protect=True,
)

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

SELECTOR = {"app.kubernetes.io/name": "demo"}

DIGEST = "sha256:" + "0123456789abcdef" * 4

PROBE = {"httpGet": {"path": "/live", "port": 8080}}

CONTAINER: dict[str, Any] = {
    "name": "demo",
    "image": f"registry.example/carbon/demo:0123456789ab@{DIGEST}",
    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}},
    "livenessProbe": PROBE,
    "readinessProbe": PROBE,
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
}

POD: dict[str, Any] = {
    "serviceAccountName": "demo",
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [CONTAINER],
}

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "demo", "namespace": "carbon", "labels": LABELS},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": SELECTOR},
        "template": {"metadata": {"labels": LABELS}, "spec": POD},
    },
}


def obj(version: str, kind: str, *, name: str = "demo", namespace: str | None = "carbon", **body: Any) -> Any:
    """An object with all labels; None as namespace for what belongs to the cluster."""
    metadata = {"name": name, "labels": LABELS} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


SERVICE: dict[str, Any] = obj(
    "v1", "Service", spec={"type": "ClusterIP", "selector": SELECTOR, "ports": [{"port": 80}]}
)


def with_spec(base: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """An object with other fields in its spec."""
    changed = copy.deepcopy(dict(base))
    changed["spec"].update(fields)
    return changed


def with_pod(**fields: Any) -> dict[str, Any]:
    """The deployment with other fields in its pod's specification; None removes one."""
    changed = copy.deepcopy(DEPLOYMENT)
    changed["spec"]["template"]["spec"] = _merged(POD, fields)
    return changed


def with_container(**fields: Any) -> dict[str, Any]:
    """The deployment with other fields in its container; None removes one."""
    return with_pod(containers=[_merged(CONTAINER, fields)])


def with_security(**fields: Any) -> dict[str, Any]:
    """The deployment with other fields in its container's security context; None removes one."""
    return with_container(securityContext=_merged(CONTAINER["securityContext"], fields))


def with_pod_security(**fields: Any) -> dict[str, Any]:
    """The deployment with other fields in its pod's security context; None removes one."""
    return with_pod(securityContext=_merged(POD["securityContext"], fields))


def with_init_container(**fields: Any) -> dict[str, Any]:
    """The deployment with an init container with other fields; None removes one."""
    plain = {"name": "init", "livenessProbe": None, "readinessProbe": None}
    return with_pod(initContainers=[_merged(CONTAINER, {**plain, **fields})])


def _merged(base: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    return copy.deepcopy({k: v for k, v in {**base, **fields}.items() if v is not None})


STACK = "urn:pulumi:example::carbon-platform"


def urn(token: str, name: str) -> str:
    """URN of a resource of the examples."""
    return f"{STACK}::{token}::{name}"


def aws(token: str, name: str = "demo", /, **props: Any) -> Resource:
    """A resource; a property whose value is another resource is made from that one."""
    sources = {k: frozenset({v.urn}) for k, v in props.items() if isinstance(v, Resource)}
    plain = {k: v.props.get("id") if isinstance(v, Resource) else v for k, v in props.items()}
    return Resource(type=token, name=name, props=plain, urn=urn(token, name), sources=sources)


def protected(resource: Resource) -> Resource:
    """The resource, which the engine refuses to delete."""
    return replace(resource, protect=True)


def kubernetes(subject: Mapping[str, Any]) -> Resource:
    """An object as a resource of a stack."""
    version = subject["apiVersion"] if "/" in subject["apiVersion"] else f"core/{subject['apiVersion']}"
    token = f"kubernetes:{version}:{subject['kind']}"
    name = f"{subject['metadata'].get('namespace', '')}-{subject['metadata']['name']}"
    return Resource(type=token, name=name, props=subject, urn=urn(token, name))
