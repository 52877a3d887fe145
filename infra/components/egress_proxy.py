"""The egress proxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, scaling
from infra.manifests.network import Paths
from infra.manifests.workload import Workload


@dataclass(frozen=True, kw_only=True)
class EgressProxyArgs:
    """Args:
    workload: says in its exceptions why it has no scaler.
    replicas: pods.
    """

    workload: Workload
    replicas: int
    paths: Paths


class EgressProxy(Component):
    """The one way out of the cluster, replaced without a connection refused."""

    TYPE: ClassVar[str] = "carbon:workload:EgressProxy"

    def __init__(self, name: str, args: EgressProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        w = args.workload
        before = self.add_surroundings(w, args.paths)
        self.add_metrics(w)
        self.add(objects.service(w, {"proxy": w.ports["http"]}), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.ROLLING, replicas=args.replicas), after=before)
        self.register_outputs({})
