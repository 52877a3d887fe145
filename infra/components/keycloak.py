"""Keycloak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, scaling
from infra.manifests.network import Paths
from infra.manifests.workload import Workload


@dataclass(frozen=True, kw_only=True)
class KeycloakArgs:
    """Args:
    port: at which people and workloads reach it.
    """

    workload: Workload
    port: int
    paths: Paths


class Keycloak(Component):
    """One server; the old one goes before the new one comes, for what they hold in memory is not shared."""

    TYPE: ClassVar[str] = "carbon:workload:Keycloak"

    def __init__(self, name: str, args: KeycloakArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        w = args.workload
        before = self.add_surroundings(w, args.paths)
        self.add_metrics(w)
        self.add(objects.service(w, {"http": args.port}), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.RECREATE, replicas=1), after=before)
        self.register_outputs({})
