"""Values of MLflow's chart."""

from __future__ import annotations

from typing import Final

from infra.manifests import mlflow, pods
from infra.manifests.meta import NAME, Manifest, labels
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


def values(
    identity: Labels, settings: MLflowChartSettings, *, postgres: PostgresAccess, bucket: str, domain: str
) -> Manifest:
    """Values. Clients send artifacts to the server, which alone has rights at the bucket.

    The chart hands the password over in the environment: after it was rotated the pods have to be restarted.

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
    if postgres.ca_secret is not None:
        made["extraVolumes"] = [
            {
                "name": _CA,
                "secret": {"secretName": postgres.ca_secret, "items": [_item()], "defaultMode": 0o440},
            }
        ]
        made["extraVolumeMounts"] = [{"name": _CA, "mountPath": _CA_AT, "readOnly": True}]
        made["extraEnvVars"] = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": f"{_CA_AT}/{env.TLS_CA}"}
    return made


def _item() -> Manifest:
    return {"key": env.TLS_CA, "path": env.TLS_CA}


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
