"""Values of Valkey's chart."""

from __future__ import annotations

from typing import Final

from infra.manifests import pods, redis
from infra.manifests.meta import NAME, Manifest, labels
from infra.settings import Labels
from infra.settings.data import RedisValkey
from workloads.kit.contracts import ports

CERTIFICATE: Final = f"{redis.NAME}-tls"
"""Secret with the server's certificate, as cert-manager writes it."""

_USER: Final = 1000


def values(identity: Labels, settings: RedisValkey, *, password_key: str) -> Manifest:
    """Values. One pod, which keeps nothing on disk: the chart's replicas would not take over from it.

    Args:
        password_key: key of the password in the Secret `redis`.
    """
    shared = {k: v for k, v in labels(identity, redis.NAME, "cache").items() if not k.startswith("app.")}
    made: Manifest = {
        "nameOverride": redis.NAME,
        "fullnameOverride": redis.NAME,
        "commonLabels": shared,
        "serviceAccount": {"create": True, "automount": False, "name": redis.NAME},
        "podSecurityContext": pods.pod_security(runAsUser=_USER, runAsGroup=_USER, fsGroup=_USER),
        "securityContext": pods.container_security(runAsUser=_USER),
        "service": {"type": "ClusterIP", "port": ports.REDIS},
        "resources": pods.resources(settings.resources),
        "initResources": pods.resources(settings.resources),
        "readinessProbe": {"enabled": True},
        "deploymentStrategy": "Recreate",
        "topologySpreadConstraints": pods.spread({NAME: redis.NAME}),
        "valkeyConfig": "".join(
            f"{line}\n"
            for line in (
                f"maxmemory {settings.max_memory_mib}mb",
                "maxmemory-policy allkeys-lru",
                'save ""',
                "appendonly no",
            )
        ),
        "auth": {
            "enabled": True,
            "usersExistingSecret": redis.NAME,
            # Of what changes or shows the server itself, `info` alone: it is what clients look at.
            "aclUsers": {
                "default": {
                    "permissions": "~* &* +@all -@admin -@dangerous +info",
                    "passwordKey": password_key,
                }
            },
        },
    }
    if settings.tls_issuer is not None:
        made["tls"] = {
            "enabled": True,
            "existingSecret": CERTIFICATE,
            "serverPublicKey": "tls.crt",
            "serverKey": "tls.key",
            "caPublicKey": "ca.crt",
            "requireClientCertificate": False,
        }
    return made
