"""metrics-server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import metrics_server
from infra.manifests.resources.service_network import Reach
from infra.namespaces import SYSTEM
from infra.settings.services import MetricsServerSettings

_PORT: Final = 10250
"""Of its own API, and of the kubelets that it asks."""


@dataclass(frozen=True, kw_only=True)
class MetricsServerArgs:
    """Args:
    certified: whether cert-manager is there to make its certificate.
    """

    site: ClusterSite
    settings: MetricsServerSettings
    certified: bool


class MetricsServer(Service):
    """metrics-server, which HorizontalPodAutoscalers ask."""

    TYPE: ClassVar[str] = "carbon:services:MetricsServer"

    def __init__(
        self, name: str, args: MetricsServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        chart = charts.METRICS_SERVER
        reach = Reach(from_api=(_PORT,), metrics=(_PORT,), nodes=(_PORT,))
        opened = self.shared_namespace(args.site, SYSTEM, chart.name, reach)
        values = metrics_server.values(args.settings, certified=args.certified, monitored=args.site.monitored)
        self.ready = [self.install(chart, SYSTEM, values, after=opened)]
        self.register_outputs({"version": chart.app})
