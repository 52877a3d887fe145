"""MLflow: tracking server and model registry, on PostgreSQL and a volume."""

from __future__ import annotations

from typing import Final

from infra.manifests.probes import Http, Probes
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.workload import Volume, Workload
from infra.settings import Labels, Resources, Storage
from workloads.kit.contracts import env, ports, tables
from workloads.kit.contracts.declared.services import MLFLOW
from workloads.kit.contracts.namespaces import PLATFORM

NAME: Final = MLFLOW.name
ROLE: Final = MLFLOW.role or ""
_ARTIFACTS: Final = "/artifacts"


def workload(
    identity: Labels,
    image: str,
    resources: Resources,
    storage: Storage,
    *,
    postgres: str,
    password: SecretValue,
    workers: int,
) -> Workload:
    """The server's pod.

    Args:
        postgres: host of the database.
        password: of the role `mlflow`.
    """
    return Workload(
        name=NAME,
        namespace=PLATFORM,
        component="model-registry",
        identity=identity,
        image=image,
        resources=resources,
        env={
            env.POSTGRES_HOST: postgres,
            env.POSTGRES_PORT: str(ports.POSTGRES),
            env.POSTGRES_DATABASE: tables.MLFLOW_DATABASE,
            env.POSTGRES_USER: ROLE,
            env.POSTGRES_PASSWORD_FILE: f"{env.SECRETS_DIR}/{env.POSTGRES_PASSWORD}",
            "MLFLOW_WORKERS": str(workers),
        },
        ports={"http": ports.MLFLOW},
        secret_files={env.POSTGRES_PASSWORD: password},
        volume=Volume(storage, _ARTIFACTS),
        probes=Probes(live=Http("/health", ports.MLFLOW), ready=Http("/health", ports.MLFLOW)),
        exceptions={"scaler": "one volume holds the artifacts, and one pod may mount it"},
    )
