"""What the fixtures of this package are put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Manifest = dict[str, Any]


def meta(name: str, like: Mapping[str, Any], labels: Mapping[str, str]) -> Manifest:
    """Metadata of an object beside another one."""
    return {"name": name, "namespace": like["metadata"]["namespace"], "labels": dict(labels)}


def pod(metadata: Manifest, spec: Manifest) -> Manifest:
    """A pod."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deployment(metadata: Manifest, labels: Mapping[str, str], spec: Manifest) -> list[Manifest]:
    """A deployment and one of its pods, whose name Kubernetes ends with a hash and five letters."""
    own = {**metadata, "name": f"{metadata['name']}-5d4f8c7b9-x2x4z", "labels": dict(labels)}
    template = {"metadata": {"labels": dict(labels)}, "spec": spec}
    selector = {"matchLabels": dict(sorted(labels.items())[:1])}
    made = {"selector": selector, "template": template}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": made},
        pod(own, spec),
    ]


def job(metadata: Manifest, spec: Manifest) -> list[Manifest]:
    """A job and its pod."""
    own = {**metadata, "name": f"{metadata['name']}-x2x4z"}
    once = {**spec, "restartPolicy": "Never"}
    made = {"template": {"metadata": {"labels": metadata["labels"]}, "spec": once}}
    return [{"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": made}, pod(own, once)]


def role(metadata: Manifest, rules: Sequence[Manifest]) -> Manifest:
    """A role."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": list(rules),
    }


def binding(metadata: Manifest, to: str, account: str) -> Manifest:
    """A binding of a role to a service account."""
    api = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": account, "namespace": metadata["namespace"]}
    ref = {"apiGroup": api, "kind": "Role", "name": to}
    return {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": ref,
        "subjects": [subject],
    }


def claim(metadata: Manifest, size: str, storage_class: str | None) -> Manifest:
    """A volume claim."""
    spec: Manifest = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def service(metadata: Manifest, selector: Mapping[str, str], port: int) -> Manifest:
    """A service within the cluster."""
    spec = {"type": "ClusterIP", "selector": dict(selector), "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def ingress_policy(metadata: Manifest, pods: Mapping[str, str], rules: Sequence[Manifest]) -> Manifest:
    """A network policy for what comes in."""
    spec = {"podSelector": {"matchLabels": dict(pods)}, "policyTypes": ["Ingress"], "ingress": list(rules)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def exec_probe(*command: str) -> Manifest:
    """A probe that runs a program."""
    return {"exec": {"command": list(command)}}


def http_probe(path: str, port: int | str) -> Manifest:
    """A probe that asks by HTTP."""
    return {"httpGet": {"path": path, "port": port}}
