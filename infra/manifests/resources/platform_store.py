"""A store by which another namespace copies some of the platform's secrets, with rights on these alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.manifests.meta import Manifest

NAME: Final = "platform"
"""Name of the store, and of the account that it reads as."""

_RBAC: Final = "rbac.authorization.k8s.io"


def store(here: Manifest, there: Manifest, sources: Sequence[str]) -> list[Manifest]:
    """The store, its account and its rights.

    Args:
        here: metadata of store and account, named `NAME`.
        there: metadata of the rights, in the platform's namespace.
        sources: names of the secrets.
    """
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": here,
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "Role",
            "metadata": there,
            "rules": [
                {
                    "apiGroups": [""],
                    "resources": ["secrets"],
                    "resourceNames": sorted(sources),
                    "verbs": ["get"],
                }
            ],
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": there,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": there["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": here["namespace"]}],
        },
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": here,
            "spec": {
                "provider": {
                    "kubernetes": {
                        "remoteNamespace": there["namespace"],
                        "server": {
                            "url": "kubernetes.default",
                            "caProvider": {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt"},
                        },
                        "auth": {"serviceAccount": {"name": NAME}},
                    }
                }
            },
        },
    ]


def copied(manifest: Manifest) -> Manifest:
    """An ExternalSecret, read by the store of its namespace."""
    spec = manifest["spec"] | {"secretStoreRef": {"kind": "SecretStore", "name": NAME}}
    return manifest | {"spec": spec}
