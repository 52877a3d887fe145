"""Consumers of a topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import scaling
from infra.manifests.network import Paths
from infra.manifests.scaling import Lag
from infra.manifests.workload import Workload
from infra.settings.workloads import Scaler


@dataclass(frozen=True, kw_only=True)
class ConsumerDeploymentArgs:
    """Args:
    lag: whose lag on which topic, for a scaler that looks at it.
    """

    workload: Workload
    scaler: Scaler
    lag: Lag
    paths: Paths


class ConsumerDeployment(Component):
    """Members of a consumer group: replaced one at a time, each after it has left the group."""

    TYPE: ClassVar[str] = "carbon:workload:ConsumerDeployment"

    def __init__(
        self, name: str, args: ConsumerDeploymentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        w = args.workload
        before = self.add_surroundings(w, args.paths)
        self.add_metrics(w)
        self.add(scaling.disruption_budget(w))
        self.add_scaled(w, scaling.IN_PLACE, args.scaler, lag=args.lag, after=before)
        self.register_outputs({})
