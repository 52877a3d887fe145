"""Karpenter and its node pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import karpenter as chart_values
from infra.manifests.resources import karpenter
from infra.manifests.resources.service_network import Reach
from infra.names import Names
from infra.namespaces import KARPENTER_ACCOUNT
from infra.settings.services import KarpenterSettings


@dataclass(frozen=True, kw_only=True)
class KarpenterArgs:
    """Args:
    names: of the cluster, and of what its nodes are made with.
    """

    site: ClusterSite
    settings: KarpenterSettings
    names: Names


class Karpenter(Service):
    """Karpenter, with a node pool for each class of workloads."""

    TYPE: ClassVar[str] = "carbon:services:Karpenter"

    def __init__(self, name: str, args: KarpenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        chart, identity, settings = charts.KARPENTER, args.site.identity, args.settings
        namespace = KARPENTER_ACCOUNT.namespace
        reach = Reach(metrics=(8080,), internet=True)
        opened = self.shared_namespace(args.site, namespace, chart.name, reach)
        values = chart_values.values(
            settings, names=args.names, account=KARPENTER_ACCOUNT.name, monitored=args.site.monitored
        )
        installed = self.install(chart, namespace, values, after=opened)
        made = self.add(karpenter.node_class(identity, args.names, settings), after=[installed])
        self.ready = [
            self.add(karpenter.node_pool(identity, pool, wanted), after=[made])
            for pool, wanted in settings.pools.items()
        ]
        self.register_outputs({"version": chart.app, "pools": list(settings.pools)})
