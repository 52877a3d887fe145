"""postgres-exporter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

import pulumi

from infra.components.base import Component
from infra.manifests import exporters, objects, scaling
from infra.manifests.meta import labels, metadata
from infra.manifests.network import Paths
from infra.manifests.resources import platform_store
from infra.manifests.resources.external_secrets import Remote, SecretValue, external_secret
from infra.manifests.services import PostgresAccess
from infra.settings import Labels, Resources
from workloads.kit.contracts import env
from workloads.kit.contracts.namespaces import PLATFORM

_COPIED_EVERY: Final = "5m"


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
        if args.postgres.ca_secret is not None:
            before += self._authority(args, w.namespace, args.postgres.ca_secret)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.ROLLING, replicas=1), after=before)
        self.register_outputs({})

    def _authority(self, args: PostgresExporterArgs, namespace: str, secret: str) -> list[pulumi.Resource]:
        """A copy of who signed the server's certificate: a pod mounts secrets of its own namespace alone."""
        common = labels(args.identity, self._name, "exporter")
        rights = platform_store.store(
            metadata(platform_store.NAME, namespace, common),
            metadata(f"{self._name}-secrets", PLATFORM, common),
            [secret],
        )
        source = {env.TLS_CA: Remote(secret, env.TLS_CA, _COPIED_EVERY)}
        copy = platform_store.copied(external_secret(metadata(secret, namespace, common), source))
        return [*(made := self.add_all(rights)), self.add(copy, after=made)]
