"""AWS load balancer controller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import load_balancer_controller
from infra.manifests.resources.service_network import Reach
from infra.names import Names
from infra.namespaces import LOAD_BALANCER_ACCOUNT
from infra.settings.services import LoadBalancerControllerSettings


@dataclass(frozen=True, kw_only=True)
class LoadBalancerControllerArgs:
    """Args:
    names: of the cluster and its network.
    """

    site: ClusterSite
    settings: LoadBalancerControllerSettings
    names: Names


class LoadBalancerController(Service):
    """The controller that keeps target groups in step with pods."""

    TYPE: ClassVar[str] = "carbon:services:LoadBalancerController"

    def __init__(
        self, name: str, args: LoadBalancerControllerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        chart, account = charts.LOAD_BALANCER_CONTROLLER, LOAD_BALANCER_ACCOUNT
        reach = Reach(from_api=(9443,), metrics=(8080,), internet=True)
        opened = self.shared_namespace(args.site, account.namespace, chart.name, reach)
        values = load_balancer_controller.values(
            args.settings, names=args.names, account=account.name, monitored=args.site.monitored
        )
        self.ready = [self.install(chart, account.namespace, values, after=opened)]
        self.register_outputs({"version": chart.app})
