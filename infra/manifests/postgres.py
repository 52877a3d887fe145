"""PostgreSQL: one server with a volume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.manifests.probes import Exec, Probes, Tcp
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.workload import Volume, Workload
from infra.settings import Labels, Resources, Storage
from workloads.kit.contracts import env, ports
from workloads.kit.contracts.declared.services import POSTGRES
from workloads.kit.contracts.namespaces import PLATFORM

NAME: Final = POSTGRES.name
SUPERUSER: Final = "postgres"

_USER: Final = 999
"""Owner of the server in its image: inside the container, being it is enough to be the superuser."""
_VOLUME: Final = "/var/lib/postgresql/data"
_SOCKET: Final = "/run/postgresql"


def workload(
    identity: Labels,
    image: str,
    resources: Resources,
    storage: Storage,
    *,
    password: SecretValue,
    parameters: Mapping[str, str | int | float],
) -> Workload:
    """The server's pod.

    Args:
        password: the superuser's.
        parameters: of the server.
    """
    # The default needs /dev/shm, of which a container has 64 MiB.
    given = {"dynamic_shared_memory_type": "mmap", "timezone": "UTC", **parameters}
    return Workload(
        name=NAME,
        namespace=PLATFORM,
        component="database",
        identity=identity,
        image=image,
        user=_USER,
        resources=resources,
        args=[word for name, value in given.items() for word in ("-c", f"{name}={value}")],
        env={env.POSTGRES_PASSWORD_FILE: f"{env.SECRETS_DIR}/{env.POSTGRES_PASSWORD}"},
        ports={"postgres": ports.POSTGRES},
        secret_files={env.POSTGRES_PASSWORD: password},
        scratch={"socket": _SOCKET},
        volume=Volume(storage, _VOLUME),
        probes=Probes(
            # It listens while it recovers from a crash, too; a connection costs no process in the container.
            live=Tcp(ports.POSTGRES),
            ready=Exec(("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(ports.POSTGRES))),
            startup_seconds=900,
        ),
        grace_seconds=60,
        exceptions={"scaler": "one server holds the data"},
    )
