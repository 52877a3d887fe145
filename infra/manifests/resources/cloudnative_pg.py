"""PostgreSQL as CloudNativePG takes it: the cluster, its archive and backups, the pooler, the passwords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.manifests import pods, postgres, scaling
from infra.manifests.meta import NAME, Manifest, labels, metadata
from infra.manifests.resources import karpenter, priority
from infra.manifests.resources.external_secrets import BASIC_AUTH, SecretValue
from infra.manifests.resources.ready import awaited
from infra.manifests.secrets import secret
from infra.names import PASSWORD, USERNAME
from infra.settings import Labels, Storage
from infra.settings.data import PostgresBackup, PostgresCloudNativePG, PostgresPooler
from workloads.kit.contracts import tables, tenants
from workloads.kit.contracts.namespaces import PLATFORM

API: Final = "postgresql.cnpg.io/v1"
CLUSTER: Final = postgres.NAME
"""Also the name of the servers' service account, which holds the rights at the bucket."""

SERVICE: Final = f"{CLUSTER}-rw"
"""Service of the primary."""

POOLER: Final = f"{CLUSTER}-pooler"
CA_SECRET: Final = f"{CLUSTER}-ca"
"""Secret with the authority of the servers' and the pooler's certificate, key `ca.crt`."""

ARCHIVE_REGION: Final = f"{CLUSTER}-archive-region"
"""Secret with the region of the archive's bucket, key `region`: the plugin takes no other form."""

POD_NAME: Final = "postgresql"
"""What CloudNativePG gives all its pods, the pooler's too, as their label `app.kubernetes.io/name`."""

SERVERS: Final = {"cnpg.io/cluster": CLUSTER, "cnpg.io/podRole": "instance"}
POOLERS: Final = {"cnpg.io/poolerName": POOLER}
"""Labels of the pods of each."""

STATUS_PORT: Final = 8000
SERVER_METRICS: Final = 9187
POOLER_METRICS: Final = 9127
"""Ports of a server's manager, which the operator asks, and of the figures."""

_OWNER: Final = tables.DATABASE
"""Owns the workloads' database and does nothing else: migrations are the superuser's."""

_PLUGIN: Final = "barman-cloud.cloudnative-pg.io"

_SESSION: Final = {
    "search_path": f"{tables.SCHEMA}, public",
    "timezone": "UTC",
    "client_min_messages": "warning",
}
"""What the workloads' connections ask for at their start, which the pooler does not pass on."""

_PREPARED: Final = 200
"""Prepared statements a server connection that PgBouncer keeps track of; psycopg has up to 100 a client."""


def direct_host(domain: str) -> str:
    """The primary."""
    return f"{SERVICE}.{PLATFORM}.svc.{domain}"


def pooled_host(domain: str) -> str:
    """The pooler before the primary."""
    return f"{POOLER}.{PLATFORM}.svc.{domain}"


def role_secret(role: str) -> str:
    """Secret with a role's name and password."""
    return f"{CLUSTER}-role-{role.replace('_', '-')}"


def password(identity: Labels, role: str, value: SecretValue) -> Manifest:
    """A role's name and password as CloudNativePG reads them: one that changes reaches the database."""
    meta = metadata(role_secret(role), PLATFORM, _labels(identity, "password"))
    # The operator looks at a labelled secret as soon as it changes.
    meta["labels"]["cnpg.io/reload"] = "true"
    return secret(meta, {PASSWORD: value}, kind=BASIC_AUTH, constants={USERNAME: role})


def cluster(
    identity: Labels, settings: PostgresCloudNativePG, *, domain: str, roles: Sequence[str]
) -> Manifest:
    """The servers.

    Args:
        domain: DNS domain of the cluster.
        roles: login roles besides the superuser.
    """
    postgresql: Manifest = {
        "parameters": {
            **{name: str(value) for name, value in settings.parameters.items()},
            **_SESSION,
        },
        # CloudNativePG's last line, which these come before, takes connections in clear and the owner's.
        "pg_hba": ["hostnossl all all all reject", f"host all {_OWNER} all reject"],
    }
    if settings.synchronous_standbys:
        postgresql["synchronous"] = {
            "method": "any",
            "number": settings.synchronous_standbys,
            "dataDurability": "required",
        }
    affinity: Manifest = {
        "enablePodAntiAffinity": True,
        "podAntiAffinityType": "required",
        "topologyKey": pods.NODE,
    }
    if settings.node_pool is not None:
        affinity["nodeSelector"] = {karpenter.WORKLOAD_CLASS: settings.node_pool}
        affinity["tolerations"] = karpenter.tolerations(settings.node_pool)
    inherited = {key: value for key, value in _labels(identity, "database").items() if key != NAME}
    return {
        "apiVersion": API,
        "kind": "Cluster",
        "metadata": awaited(metadata(CLUSTER, PLATFORM, _labels(identity, "database"))),
        "spec": {
            "imageName": settings.image,
            "instances": settings.instances,
            "inheritedMetadata": {"labels": inherited},
            "bootstrap": {
                "initdb": {
                    "database": tables.DATABASE,
                    "owner": _OWNER,
                    "encoding": "UTF8",
                    "dataChecksums": True,
                }
            },
            "enableSuperuserAccess": True,
            "superuserSecret": {"name": role_secret(postgres.SUPERUSER)},
            "managed": {"roles": [_role(role) for role in roles]},
            "postgresql": postgresql,
            "resources": pods.resources(settings.resources),
            "storage": _volume(settings.storage),
            "walStorage": _volume(settings.wal_storage),
            "affinity": affinity,
            "topologySpreadConstraints": pods.spread(SERVERS, over=[pods.ZONE]),
            "priorityClassName": priority.DATA,
            "seccompProfile": pods.SECCOMP,
            "certificates": {
                "serverAltDNSNames": [
                    POOLER,
                    f"{POOLER}.{PLATFORM}",
                    f"{POOLER}.{PLATFORM}.svc",
                    pooled_host(domain),
                    direct_host(domain),
                ]
            },
            "primaryUpdateStrategy": "unsupervised",
            "primaryUpdateMethod": "switchover",
            "replicationSlots": {"highAvailability": {"enabled": True}},
            "enablePDB": True,
            "monitoring": {"disableDefaultQueries": False},
            "plugins": [
                {
                    "name": _PLUGIN,
                    "isWALArchiver": True,
                    "parameters": {"barmanObjectName": CLUSTER},
                }
            ],
        },
    }


def _role(role: str) -> Manifest:
    return {
        "name": role,
        "ensure": "present",
        "login": True,
        "superuser": False,
        "createdb": False,
        "createrole": False,
        "replication": False,
        "bypassrls": False,
        "passwordSecret": {"name": role_secret(role)},
        # Left out, it would be set back to unlimited.
        **({"connectionLimit": tenants.CONNECTIONS} if tenants.is_role(role) else {}),
    }


def _volume(storage: Storage) -> Manifest:
    named = {"storageClass": storage.storage_class} if storage.storage_class is not None else {}
    return {"size": storage.size, **named}


def archive_region(identity: Labels, region: str) -> Manifest:
    """The region of the archive's bucket."""
    return secret(
        metadata(ARCHIVE_REGION, PLATFORM, _labels(identity, "backup")), {}, constants={"region": region}
    )


def object_store(identity: Labels, backup: PostgresBackup, *, path: str) -> Manifest:
    """Where WAL and base backups go; the servers' service account has the rights.

    Args:
        path: `s3://bucket/prefix`.
    """
    return {
        "apiVersion": "barmancloud.cnpg.io/v1",
        "kind": "ObjectStore",
        "metadata": metadata(CLUSTER, PLATFORM, _labels(identity, "backup")),
        "spec": {
            "retentionPolicy": f"{backup.retention_days}d",
            "configuration": {
                "destinationPath": path,
                # The role that the plugin gives the servers names the secrets that stand here; were
                # there none, it would read every secret of the namespace.
                "s3Credentials": {
                    "inheritFromIAMRole": True,
                    "region": {"name": ARCHIVE_REGION, "key": "region"},
                },
                # The bucket encrypts with its own key.
                "data": {"compression": "gzip", "jobs": 2},
                "wal": {"compression": "gzip", "maxParallel": 4},
            },
            "instanceSidecarConfiguration": {"resources": pods.resources(backup.resources)},
        },
    }


def scheduled_backup(identity: Labels, backup: PostgresBackup) -> Manifest:
    """A base backup on a schedule, from a standby, and one at once."""
    return {
        "apiVersion": API,
        "kind": "ScheduledBackup",
        "metadata": metadata(CLUSTER, PLATFORM, _labels(identity, "backup")),
        "spec": {
            "cluster": {"name": CLUSTER},
            "schedule": backup.schedule,
            "immediate": True,
            "method": "plugin",
            "pluginConfiguration": {"name": _PLUGIN},
            "target": "prefer-standby",
            # Backups are in the bucket: they go by its retention, not with the schedule.
            "backupOwnerReference": "cluster",
        },
    }


def pooler(identity: Labels, settings: PostgresPooler) -> Manifest:
    """PgBouncer, which lends a server connection for the length of a transaction.

    That is sound for the workloads: what their sessions set at the start are the server's own parameters
    here; advisory locks end with their transaction; temporary tables are made anew where they are missing
    and empty themselves at each commit; prepared statements are known to PgBouncer. The migrations, which
    hold an advisory lock for their session, and the exporter, which counts connections, go around it.
    """
    return {
        "apiVersion": API,
        "kind": "Pooler",
        "metadata": metadata(POOLER, PLATFORM, _labels(identity, "pooler")),
        "spec": {
            "cluster": {"name": CLUSTER},
            "type": "rw",
            "instances": settings.instances,
            "deploymentStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "pgbouncer": {
                "poolMode": "transaction",
                "parameters": {
                    "default_pool_size": str(settings.pool_size),
                    "max_client_conn": str(settings.max_clients),
                    "max_prepared_statements": str(_PREPARED),
                    "client_tls_sslmode": "require",
                    "server_tls_sslmode": "verify-full",
                },
            },
            "template": {
                "metadata": {
                    "labels": {k: v for k, v in _labels(identity, "pooler").items() if k != NAME},
                },
                "spec": {
                    "automountServiceAccountToken": True,
                    "priorityClassName": priority.DATA,
                    "topologySpreadConstraints": pods.spread(POOLERS, over=[pods.ZONE]),
                    "securityContext": pods.pod_security(),
                    "containers": [{"name": "pgbouncer", "resources": pods.resources(settings.resources)}],
                },
            },
        },
    }


def pooler_disruption_budget(identity: Labels) -> Manifest:
    """A drain takes one pooler at a time; CloudNativePG makes budgets for the servers alone."""
    return scaling.budget(metadata(POOLER, PLATFORM, _labels(identity, "pooler")), POOLERS)


def _labels(identity: Labels, component: str) -> dict[str, str]:
    return labels(identity, CLUSTER, component)
