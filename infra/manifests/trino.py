"""Trino: SQL over the warehouse's layers in PostgreSQL and over the Iceberg tables of the lake."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from infra.manifests import object_store, trino_config
from infra.manifests.probes import Exec, Http, Probes
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import ObjectAccess, PostgresAccess
from infra.manifests.trino_config import Place
from infra.manifests.workload import SecretMount, Workload
from infra.settings import Labels, Resources
from workloads.kit.contracts import env, ports, tables
from workloads.kit.contracts.declared.services import TRINO
from workloads.kit.contracts.namespaces import PLATFORM

NAME: Final = TRINO.name
ROLE: Final = TRINO.role or ""

_ETC: Final = "/etc/trino"
_DATA: Final = "/var/trino"
_CA: Final = "/var/run/secrets/postgres"
_PGPASS: Final = "pgpass"
_STOP_SECONDS: Final = 60


def workload(
    identity: Labels,
    image: str,
    resources: Resources,
    *,
    heap_mib: int,
    postgres: PostgresAccess,
    password: SecretValue,
    objects: ObjectAccess,
) -> Workload:
    """The server's pod.

    Args:
        password: of the role `trino`.
    """
    mounts: tuple[SecretMount, ...] = ()
    if postgres.ca_secret is not None:
        mounts = (SecretMount(name="postgres-ca", path=_CA, sources={postgres.ca_secret: (env.TLS_CA,)}),)
    place = Place(
        etc=_ETC,
        data=_DATA,
        port=ports.TRINO,
        database=f"{postgres.direct_host}:{ports.POSTGRES}/{tables.WAREHOUSE_DATABASE}",
        ca_file=f"{_CA}/{env.TLS_CA}" if mounts else None,
        objects=objects,
    )
    w = Workload(
        name=NAME,
        namespace=PLATFORM,
        component="query-engine",
        identity=identity,
        image=image,
        resources=resources,
        env={"PGPASSFILE": f"{env.SECRETS_DIR}/{_PGPASS}", **object_store.lake_locations(objects)},
        ports={"http": ports.TRINO},
        files=trino_config.files(place, heap_mib),
        files_at=_ETC,
        mounted_secrets=mounts,
        scratch={"work": _DATA},
        # It answers before its catalogues are there, and says so.
        probes=Probes(live=Http("/v1/info", ports.TRINO), ready=Exec(("trino-ready", str(ports.TRINO)))),
        grace_seconds=_STOP_SECONDS,
        exceptions={"scaler": "one server is coordinator and worker: two would not share a query"},
    )
    return object_store.with_objects(_with_password(w, password), objects)


def _with_password(w: Workload, password: SecretValue) -> Workload:
    if isinstance(password, str):
        content = trino_config.pgpass(trino_config.escaped(password))
        return replace(w, secret_files={**w.secret_files, _PGPASS: content})
    escaped = f'{{{{ index . "{env.POSTGRES_PASSWORD}" | replace "\\\\" "\\\\\\\\" | replace ":" "\\\\:" }}}}'
    return replace(
        w,
        secret_files={**w.secret_files, env.POSTGRES_PASSWORD: password},
        secret_templates={**w.secret_templates, _PGPASS: trino_config.pgpass(escaped)},
    )
