"""MLflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import mlflow, objects, scaling
from infra.manifests.network import Paths
from infra.manifests.resources.external_secrets import SecretValue
from infra.settings import Labels
from infra.settings.data import MLflowDeployment as Settings
from workloads.kit.contracts import ports


@dataclass(frozen=True, kw_only=True)
class MLflowArgs:
    """Args:
    domain: DNS domain of the cluster.
    postgres: host of the database.
    password: of the database role `mlflow`.
    """

    identity: Labels
    image: str
    domain: str
    postgres: str
    password: SecretValue = field(repr=False)
    settings: Settings
    paths: Paths


class MLflow(Component):
    """Tracking server and model registry; `url` is where clients in the cluster find it."""

    TYPE: ClassVar[str] = "carbon:ml:MLflow"

    def __init__(self, name: str, args: MLflowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings = args.settings
        w = mlflow.workload(
            args.identity,
            args.image,
            settings.resources,
            settings.storage,
            postgres=args.postgres,
            password=args.password,
            workers=settings.workers,
        )
        before = self.add_surroundings(w, args.paths)
        claim = self.add(objects.claim(w), protect=settings.storage.protect)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.RECREATE, replicas=1), after=[*before, claim])
        self.url = f"http://{w.host(args.domain)}:{ports.MLFLOW}"
        self.register_outputs({"url": self.url})
