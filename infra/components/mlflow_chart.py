"""MLflow by its chart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import Service
from infra.manifests import mlflow, network, scaling
from infra.manifests.charts import mlflow as chart
from infra.manifests.meta import labels, metadata, selector
from infra.manifests.network import Paths
from infra.manifests.resources.aws_paths import with_buckets
from infra.manifests.resources.external_secrets import BASIC_AUTH, SecretValue
from infra.manifests.secrets import secret
from infra.manifests.services import PostgresAccess
from infra.names import PASSWORD, USERNAME
from infra.settings import Labels
from infra.settings.data import MLflowChartSettings
from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import PLATFORM


@dataclass(frozen=True, kw_only=True)
class MLflowChartArgs:
    """Args:
    domain: DNS domain of the cluster.
    password: of the database role `mlflow`.
    bucket: of the artifacts.
    """

    identity: Labels
    domain: str
    postgres: PostgresAccess
    password: SecretValue = field(repr=False)
    bucket: str
    settings: MLflowChartSettings
    paths: Paths


class MLflowChart(Service):
    """Tracking server and model registry; `url` is where clients in the cluster find it."""

    TYPE: ClassVar[str] = "carbon:ml:MLflowChart"

    def __init__(self, name: str, args: MLflowChartArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        identity, settings = args.identity, args.settings
        theirs = labels(identity, mlflow.NAME, "model-registry")
        before = [
            self.add(
                secret(
                    metadata(chart.DATABASE_SECRET, PLATFORM, theirs),
                    {PASSWORD: args.password},
                    kind=BASIC_AUTH,
                    constants={
                        USERNAME: mlflow.ROLE,
                        chart.SERVICE_FILE: chart.service_file(args.password),
                    },
                )
            ),
            self.add(with_buckets(network.policy(mlflow.NAME, PLATFORM, theirs, args.paths))),
        ]
        values = chart.values(
            identity, settings, postgres=args.postgres, bucket=args.bucket, domain=args.domain
        )
        self.install(charts.MLFLOW, PLATFORM, values, after=before)
        self.add(scaling.budget(metadata(mlflow.NAME, PLATFORM, theirs), selector(mlflow.NAME)))
        self.url = f"http://{mlflow.NAME}.{PLATFORM}.svc.{args.domain}:{ports.MLFLOW}"
        self.register_outputs({"url": self.url})
