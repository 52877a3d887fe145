"""postgres-exporter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import exporters, objects, scaling
from infra.manifests.network import Paths
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import PostgresAccess
from infra.settings import Labels, Resources


@dataclass(frozen=True, kw_only=True)
class PostgresExporterArgs:
    """Args:
    password: of its role.
    """

    identity: Labels
    image: str
    resources: Resources
    postgres: PostgresAccess
    password: SecretValue = field(repr=False)
    paths: Paths


class PostgresExporter(Component):
    """Figures that the database knows, as metrics."""

    TYPE: ClassVar[str] = "carbon:monitoring:PostgresExporter"

    def __init__(
        self, name: str, args: PostgresExporterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        w = exporters.postgres_exporter(
            args.identity, args.image, args.resources, postgres=args.postgres, password=args.password
        )
        before = self.add_surroundings(w, args.paths)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.ROLLING, replicas=1), after=before)
        self.register_outputs({})
