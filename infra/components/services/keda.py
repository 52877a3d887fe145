"""KEDA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import keda
from infra.manifests.resources.service_network import Pods, Reach
from infra.namespaces import KEDA
from infra.settings.services import KedaOperator as Settings


@dataclass(frozen=True, kw_only=True)
class KedaArgs:
    """Args:
    cluster: its name, in KEDA's own metrics.
    brokers: Kafka, whose lag it asks for.
    """

    site: ClusterSite
    settings: Settings
    cluster: str
    brokers: Pods


class Keda(Service):
    """KEDA, which scales consumers by their lag."""

    TYPE: ClassVar[str] = "carbon:services:Keda"

    def __init__(self, name: str, args: KedaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        site = args.site
        # The API asks for metrics on 6443 and for admission on 9443; 9666 is between its own pods.
        reach = Reach(from_api=(6443, 9443), metrics=(8080,), within=(9666,), to=(args.brokers,))
        around = self.own_namespace(site, KEDA, args.settings.quota, reach)
        values = keda.values(
            args.settings, cluster=args.cluster, domain=site.domain, monitored=site.monitored
        )
        self.ready = [self.install(charts.KEDA, KEDA, values, after=around)]
        self.register_outputs({"version": charts.KEDA.app})
