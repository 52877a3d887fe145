"""Redis: one pod that keeps nothing on disk."""

from __future__ import annotations

from typing import Final

from infra.manifests.probes import Exec, Probes, Tcp
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.workload import Workload
from infra.settings import Labels, Resources
from workloads.kit.contracts import env, ports
from workloads.kit.contracts.declared.services import REDIS
from workloads.kit.contracts.namespaces import PLATFORM

NAME: Final = REDIS.name
PASSWORD: Final = "redis-password"  # noqa: S105
"""File, and key of its secret, with the password."""


def workload(
    identity: Labels, image: str, resources: Resources, *, password: SecretValue, max_memory_mib: int
) -> Workload:
    """The server's pod."""
    ping = Exec(("redis-ping",))
    return Workload(
        name=NAME,
        namespace=PLATFORM,
        component="cache",
        identity=identity,
        image=image,
        resources=resources,
        args=(
            *("--port", str(ports.REDIS)),
            *("--maxmemory", f"{max_memory_mib}mb"),
            *("--maxmemory-policy", "allkeys-lru"),
            *("--save", ""),
            *("--appendonly", "no"),
        ),
        env={env.REDIS_PASSWORD_FILE: f"{env.SECRETS_DIR}/{PASSWORD}"},
        ports={"redis": ports.REDIS},
        secret_files={PASSWORD: password},
        scratch={"data": "/data"},
        probes=Probes(live=Tcp(ports.REDIS), ready=ping),
        exceptions={"scaler": "one cache; what it holds can be made again"},
    )
