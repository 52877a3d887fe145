"""kube-state-metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import access, exporters, objects, scaling
from infra.manifests.network import Paths
from infra.settings import Labels, Resources


@dataclass(frozen=True, kw_only=True)
class KubeStateMetricsArgs:
    """What kube-state-metrics is made from."""

    identity: Labels
    image: str
    resources: Resources
    paths: Paths


class KubeStateMetrics(Component):
    """What Kubernetes knows about the platform's objects, as metrics."""

    TYPE: ClassVar[str] = "carbon:monitoring:KubeStateMetrics"

    def __init__(
        self, name: str, args: KubeStateMetricsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        w = exporters.kube_state_metrics(args.identity, args.image, args.resources)
        before = self.add_surroundings(w, args.paths)
        for role in access.reader(w, exporters.WATCHED, exporters.WATCHED_KINDS):
            before.append(self.add(role, name=f"{name}-{role['metadata']['namespace']}"))
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.ROLLING, replicas=1), after=before)
        self.register_outputs({})
