"""Kubecost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import kubecost
from infra.manifests.resources.service_network import Reach
from infra.namespaces import KUBECOST
from infra.settings.cost import KubecostSettings
from infra.settings.tenants import TenantBudget

_PARTS: Final = (5000, 9003, 9004, 9006, 9090)
"""Ports of forecasting, agent, aggregator, store and frontend, which talk to each other."""

_AGGREGATOR: Final = 9004
_KUBELET: Final = 10250


@dataclass(frozen=True, kw_only=True)
class KubecostArgs:
    """Args:
    cluster: its name in every row of cost.
    tenants: namespace → budget.
    """

    site: ClusterSite
    cluster: str
    settings: KubecostSettings
    tenants: Mapping[str, TenantBudget]


class Kubecost(Service):
    """What each namespace, team and product costs, and a word to its people before a budget is spent."""

    TYPE: ClassVar[str] = "carbon:cost:Kubecost"

    def __init__(self, name: str, args: KubecostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        # Prices of AWS are public pages, far from any address of ours.
        reach = Reach(metrics=(_AGGREGATOR,), within=_PARTS, nodes=(_KUBELET,), internet=True)
        around = self.own_namespace(args.site, KUBECOST, args.settings.quota, reach)
        values = kubecost.values(
            args.settings, cluster=args.cluster, tenants=args.tenants, monitored=args.site.monitored
        )
        self.ready = [self.install(charts.KUBECOST, KUBECOST, values, after=around)]
        self.register_outputs({"version": charts.KUBECOST.app})
