"""A workload of which there may be one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, scaling
from infra.manifests.network import Paths
from infra.manifests.workload import Workload


@dataclass(frozen=True, kw_only=True)
class SingletonDeploymentArgs:
    """Args:
    workload: says in its exceptions why it has no scaler.
    port: at which others reach it, where they do.
    """

    workload: Workload
    paths: Paths
    port: int | None = None


class SingletonDeployment(Component):
    """One pod that always runs; the old one goes before the new one comes."""

    TYPE: ClassVar[str] = "carbon:workload:SingletonDeployment"

    def __init__(
        self, name: str, args: SingletonDeploymentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        w = args.workload
        before = self.add_surroundings(w, args.paths)
        self.add_metrics(w)
        if args.port is not None:
            self.add(objects.service(w, {"http": args.port}), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.RECREATE, replicas=1), after=before)
        self.register_outputs({})
