"""Strimzi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import strimzi
from infra.manifests.meta import labels
from infra.manifests.resources import monitors
from infra.manifests.resources.service_network import Pods, Reach
from infra.namespaces import STRIMZI
from infra.settings.services import StrimziOperator as Settings

_BROKER_PORTS: Final = (8443, 9090, 9091)
"""Agent beside a broker, controllers, and replication: what the operator asks brokers by."""


@dataclass(frozen=True, kw_only=True)
class StrimziArgs:
    """Args:
    namespaces: where it runs Kafka; they are there already.
    """

    site: ClusterSite
    settings: Settings
    namespaces: Sequence[str]


class Strimzi(Service):
    """Strimzi, which runs Kafka and keeps topics and users as they are declared."""

    TYPE: ClassVar[str] = "carbon:services:Strimzi"

    def __init__(self, name: str, args: StrimziArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        site = args.site
        brokers = tuple(
            Pods(namespace, {"strimzi.io/kind": "Kafka"}, _BROKER_PORTS) for namespace in args.namespaces
        )
        reach = Reach(metrics=(8080,), to=brokers)
        around = self.own_namespace(site, STRIMZI, args.settings.quota, reach)
        values = strimzi.values(args.settings, namespaces=args.namespaces, domain=site.domain)
        installed = self.install(charts.STRIMZI, STRIMZI, values, after=around)
        self.ready = [installed]
        if site.monitored:
            theirs = labels(site.identity, name, "service")
            monitor = monitors.pod_monitor(name, STRIMZI, theirs, pods=strimzi.POD_LABELS, port="http")
            self.add(monitor, after=[installed])
        self.register_outputs({"version": charts.STRIMZI.app})
