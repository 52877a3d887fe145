"""PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, postgres, scaling
from infra.manifests.network import Paths
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import PostgresAccess
from infra.settings import Labels
from infra.settings.data import PostgresStatefulSet


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """Args:
    password: the superuser's.
    domain: DNS domain of the cluster.
    """

    identity: Labels
    image: str
    domain: str
    password: SecretValue = field(repr=False)
    settings: PostgresStatefulSet
    paths: Paths


class Postgres(Component):
    """One server with a volume; `access` is where clients find it."""

    TYPE: ClassVar[str] = "carbon:storage:Postgres"

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings = args.settings
        w = postgres.workload(
            args.identity,
            args.image,
            settings.resources,
            settings.storage,
            password=args.password,
            parameters=settings.parameters,
        )
        before = self.add_surroundings(w, args.paths)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(
            objects.stateful_set(w, replicas=1),
            after=before,
            protect=settings.storage.protect,
            left_alone=[objects.CLAIM_LABELS],
        )
        host = w.host(args.domain)
        self.access = PostgresAccess(host=host, direct_host=host, service=w.name)
        self.register_outputs({"host": host})
