"""Trino."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, scaling, trino
from infra.manifests.network import Paths
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import ObjectAccess, PostgresAccess
from infra.settings import Labels
from infra.settings.lake import TrinoServer


@dataclass(frozen=True, kw_only=True)
class TrinoArgs:
    """Args:
    password: of the database role `trino`.
    """

    identity: Labels
    image: str
    postgres: PostgresAccess
    password: SecretValue = field(repr=False)
    objects: ObjectAccess
    settings: TrinoServer
    paths: Paths


class Trino(Component):
    """One server that is coordinator and worker; the old one goes before the new one comes."""

    TYPE: ClassVar[str] = "carbon:storage:Trino"

    def __init__(self, name: str, args: TrinoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        w = trino.workload(
            args.identity,
            args.image,
            args.settings.resources,
            heap_mib=args.settings.heap_mib,
            postgres=args.postgres,
            password=args.password,
            objects=args.objects,
        )
        before = self.add_surroundings(w, args.paths)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.RECREATE, replicas=1), after=before)
        self.register_outputs({})
