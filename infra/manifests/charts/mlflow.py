"""Values of MLflow's chart."""

from __future__ import annotations

from typing import Final

from infra.manifests import mlflow, pods
from infra.manifests.meta import NAME, Manifest, labels
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import PostgresAccess
from infra.names import PASSWORD, USERNAME
from infra.namespaces import MLFLOW_ACCOUNT
from infra.settings import Labels
from infra.settings.data import MLflowChartSettings
from workloads.kit.contracts import env, ports, tables
from workloads.kit.contracts.namespaces import PLATFORM

DATABASE_SECRET: Final = f"{mlflow.NAME}-database"
"""Secret with name and password of MLflow's database role."""

_IMAGE: Final = "docker.io/burakince/mlflow"
_USER: Final = 1001
_CA: Final = "postgres-ca"
_CA_AT: Final = "/var/run/secrets/postgres"

SERVICE_FILE: Final = "pg_service.conf"
"""Key of that secret, and the file by which libpq follows the password: it is read at each connection, and
comes before what the chart puts into the environment, where it would stay the password of the pod's start."""

_DATABASE: Final = "database"
_DATABASE_AT: Final = "/var/run/secrets/database"


def values(
    identity: Labels, settings: MLflowChartSettings, *, postgres: PostgresAccess, bucket: str, domain: str
) -> Manifest:
    """Values. Clients send artifacts to the server, which alone has rights at the bucket.

    Args:
        bucket: of the artifacts.
        domain: DNS domain of the cluster.
    """
    full = f"{mlflow.NAME}.{PLATFORM}.svc.{domain}"
    hosts = [mlflow.NAME, f"{mlflow.NAME}.{PLATFORM}", f"{mlflow.NAME}.{PLATFORM}.svc", full, "localhost"]
    made: Manifest = {
        "fullnameOverride": mlflow.NAME,
        # With its registry, as the limits name it.
        "image": {"repository": _IMAGE},
        "initImages": {"mlflowDbMigration": {"repository": _IMAGE}},
        "replicaCount": settings.replicas,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": 3,
        "serviceAccount": {"create": True, "automount": False, "name": MLFLOW_ACCOUNT.name},
        "extraPodLabels": {
            k: v
            for k, v in labels(identity, mlflow.NAME, "model-registry").items()
            if not k.startswith("app.")
        },
        "podSecurityContext": pods.pod_security(fsGroup=_USER, fsGroupChangePolicy="OnRootMismatch"),
        "securityContext": pods.container_security(runAsUser=_USER, runAsGroup=_USER, privileged=False),
        "service": {"type": "ClusterIP", "port": ports.MLFLOW, "containerPort": ports.MLFLOW},
        "resources": pods.resources(settings.resources),
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": _apart()}},
        "livenessProbe": {
            "initialDelaySeconds": 60,
            "periodSeconds": 10,
            "timeoutSeconds": 10,
            "failureThreshold": 6,
        },
        "readinessProbe": {
            "initialDelaySeconds": 5,
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 2,
        },
        "telemetry": {"enabled": False},
        "backendStore": {
            "databaseMigration": True,
            "existingDatabaseSecret": {
                "name": DATABASE_SECRET,
                "usernameKey": USERNAME,
                "passwordKey": PASSWORD,
            },
            "postgres": {
                "enabled": True,
                "host": postgres.host,
                "port": ports.POSTGRES,
                "database": tables.MLFLOW_DATABASE,
            },
        },
        "artifactRoot": {
            "proxiedArtifactStorage": True,
            "s3": {"enabled": True, "bucket": bucket},
        },
        "extraArgs": {"workers": str(settings.workers)},
        # Without them the server refuses a request that names it by anything but an address.
        "serverAllowedHosts": [name for host in hosts for name in (host, f"{host}:{ports.MLFLOW}")],
    }
    mounted = [(_DATABASE, _DATABASE_AT, DATABASE_SECRET, SERVICE_FILE)]
    variables = {"PGSERVICE": mlflow.NAME, "PGSERVICEFILE": f"{_DATABASE_AT}/{SERVICE_FILE}"}
    if postgres.ca_secret is not None:
        mounted.append((_CA, _CA_AT, postgres.ca_secret, env.TLS_CA))
        variables |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": f"{_CA_AT}/{env.TLS_CA}"}
    made["extraVolumes"] = [
        {
            "name": name,
            "secret": {"secretName": of, "items": [{"key": key, "path": key}], "defaultMode": 0o440},
        }
        for name, _, of, key in mounted
    ]
    made["extraVolumeMounts"] = [
        {"name": name, "mountPath": at, "readOnly": True} for name, at, _, _ in mounted
    ]
    made["extraEnvVars"] = variables
    return made


def service_file(password: SecretValue) -> str:
    """Content of `SERVICE_FILE`: of a password that stands elsewhere, as External Secrets fills it in."""
    shown = password if isinstance(password, str) else f"{{{{ .{PASSWORD} }}}}"
    return f"[{mlflow.NAME}]\npassword={shown}\n"


def _apart() -> list[Manifest]:
    return [
        {
            "weight": 1,
            "podAffinityTerm": {
                "topologyKey": pods.ZONE,
                "labelSelector": {"matchLabels": {NAME: mlflow.NAME}},
            },
        }
    ]
