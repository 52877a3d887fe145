"""Prometheus, Alertmanager and the cluster's own metrics, from their chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests import prometheus
from infra.manifests.charts import kube_prometheus_stack
from infra.manifests.meta import labels, metadata
from infra.manifests.network import Paths
from infra.manifests.prometheus import Target
from infra.manifests.resources import alert_routes, monitoring_paths, monitors
from infra.manifests.resources.external_secrets import Remote
from infra.manifests.secrets import secret
from infra.settings.monitoring import KubePrometheusStackSettings
from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import MONITORING


@dataclass(frozen=True, kw_only=True)
class KubePrometheusStackArgs:
    """Args:
    cluster: its name, on every alert.
    targets: workloads of the platform to scrape.
    rule_groups: groups of alert rules, as in a rule file.
    receivers: file → where its content stands: keys of those who are told.
    grafana: field → where it stands: name and password of its administrator.
    paths, alerting: of Prometheus and of Alertmanager with the platform's workloads.
    """

    site: ClusterSite
    cluster: str
    settings: KubePrometheusStackSettings
    targets: Sequence[Target]
    rule_groups: Sequence[Mapping[str, Any]]
    receivers: Mapping[str, Remote]
    grafana: Mapping[str, Remote]
    paths: Paths
    alerting: Paths


class KubePrometheusStack(Service):
    """Metrics of every pod that offers them and of the cluster, and alerts that reach somebody."""

    TYPE: ClassVar[str] = "carbon:monitoring:KubePrometheusStack"

    def __init__(
        self, name: str, args: KubePrometheusStackArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        identity, site = args.site.identity, args.site
        before = self.add_all(
            monitoring_paths.policies(
                identity,
                api_cidrs=site.api_cidrs,
                network_cidrs=site.network_cidrs,
                paths=args.paths,
                alerting=args.alerting,
                grafana=args.settings.grafana is not None,
            )
        )
        before += self._secrets(args)
        values = kube_prometheus_stack.values(args.settings, cluster=args.cluster)
        installed = self.install(charts.KUBE_PROMETHEUS_STACK, MONITORING, values, after=before)
        # The operator's webhook looks at rules: it must be there first.
        for group in args.rule_groups:
            self.add(monitors.rule(identity, group), after=[installed])
        for target in args.targets:
            self.add(monitors.of_target(identity, target), after=[installed])
        for service, port in (
            (prometheus.NAME, ports.PROMETHEUS),
            (prometheus.ALERTMANAGER, ports.ALERTMANAGER),
        ):
            self.add(monitoring_paths.service(identity, service, port), after=[installed])
        self.ready = [installed]
        self.register_outputs({"version": charts.KUBE_PROMETHEUS_STACK.app})

    def _secrets(self, args: KubePrometheusStackArgs) -> list[pulumi.Resource]:
        def meta(name: str) -> dict[str, Any]:
            return metadata(name, MONITORING, labels(args.site.identity, name, "metrics"))

        wanted = {alert_routes.SECRET: args.receivers, kube_prometheus_stack.GRAFANA_SECRET: args.grafana}
        return [self.add(secret(meta(name), values)) for name, values in wanted.items() if values]
