"""Where ExternalSecrets find their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.manifests.meta import Manifest, labels, metadata
from infra.manifests.resources.ready import awaited
from infra.settings import Labels

STORE: Final = "aws"
"""What an ExternalSecret names in `secretStoreRef`, with kind ClusterSecretStore."""


def cluster_secret_store(identity: Labels, region: str, namespaces: Sequence[str]) -> Manifest:
    """Secrets Manager, read with the rights of External Secrets' own pods: there is no key to keep.

    Args:
        namespaces: whose ExternalSecrets it answers; a tenant's would otherwise read the platform's.
    """
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": awaited(metadata(STORE, None, labels(identity, STORE, "secrets"))),
        "spec": {
            "provider": {"aws": {"service": "SecretsManager", "region": region}},
            "conditions": [{"namespaces": list(namespaces)}],
        },
    }
