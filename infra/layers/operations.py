"""What watches the platform, backs it up, and tells its cost."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import pulumi

from infra.components.alertmanager import Alertmanager, AlertmanagerArgs
from infra.components.kube_state_metrics import KubeStateMetrics, KubeStateMetricsArgs
from infra.components.postgres_exporter import PostgresExporter, PostgresExporterArgs
from infra.components.prometheus import Prometheus, PrometheusArgs
from infra.components.services.base import ClusterSite
from infra.layers import operation_kinds
from infra.layers.base import Context, Layer, Ready
from infra.layers.data import DataLayer
from infra.layers.operation_kinds import OperationSite
from infra.manifests import alerts, tenant
from infra.settings.cost import KubecostSettings
from infra.settings.monitoring import KubePrometheusStackSettings, Monitoring, MonitoringDeployments
from workloads.kit.contracts.declared.services import (
    ALERTMANAGER,
    KUBE_STATE_METRICS,
    POSTGRES_EXPORTER,
    PROMETHEUS,
)

_NEEDS: Final = ("external_secrets", "prometheus_crds")


class OperationsLayer(Layer):
    """Monitoring, backups and cost, where the stack has them."""

    TYPE: ClassVar[str] = "carbon:platform:OperationsLayer"

    def __init__(self, context: Context, platform: pulumi.Resource, data: DataLayer, ready: Ready) -> None:
        """Args:
        data: whose database's figures are watched.
        """
        super().__init__("operations", context, platform, ready)
        s = context.settings
        cluster = context.cluster
        self._site = OperationSite(
            site=ClusterSite(
                identity=context.labels,
                api_cidrs=cluster.api_cidrs,
                network_cidrs=cluster.network_cidrs,
                domain=cluster.domain,
                monitored=context.monitored,
            ),
            cluster=cluster.identifier,
            names=context.names,
            secrets=s.secrets,
        )
        match s.monitoring:
            case MonitoringDeployments():
                self._own_prometheus(s.monitoring)
            case KubePrometheusStackSettings():
                self._operated_prometheus(s.monitoring)
            case None:
                pass
        if s.monitoring is not None:
            self._postgres_exporter(s.monitoring, data)
        if s.recovery is not None:
            operation_kinds.velero(self._site, s.recovery, self.below(needs=_NEEDS))
        if s.cost is not None:
            self._cost(s.cost)
        self.register_outputs({})

    def _postgres_exporter(self, settings: Monitoring, data: DataLayer) -> None:
        name, context = POSTGRES_EXPORTER.name, self._context
        assert POSTGRES_EXPORTER.role is not None, "it asks the database"
        args = PostgresExporterArgs(
            identity=context.labels,
            image=self._settings.images.of(name),
            resources=settings.postgres_exporter.resources,
            postgres=data.services.postgres,
            password=context.passwords.roles[POSTGRES_EXPORTER.role],
            paths=context.network.paths(name),
        )
        PostgresExporter(name, args, self.below(data.migrated, needs=_NEEDS))

    def _own_prometheus(self, settings: MonitoringDeployments) -> None:
        images, labels, network = self._settings.images, self._context.labels, self._context.network
        prometheus = PrometheusArgs(
            identity=labels,
            image=images.of(PROMETHEUS.name),
            rule_groups=self._rule_groups(),
            targets=network.targets(),
            settings=settings.prometheus,
            paths=network.paths(PROMETHEUS.name),
        )
        Prometheus(PROMETHEUS.name, prometheus, self.below())
        alertmanager = AlertmanagerArgs(
            identity=labels,
            image=images.of(ALERTMANAGER.name),
            settings=settings.alertmanager,
            paths=network.paths(ALERTMANAGER.name),
        )
        Alertmanager(ALERTMANAGER.name, alertmanager, self.below())
        state = KubeStateMetricsArgs(
            identity=labels,
            image=images.of(KUBE_STATE_METRICS.name),
            resources=settings.kube_state_metrics.resources,
            paths=network.paths(KUBE_STATE_METRICS.name),
        )
        KubeStateMetrics(KUBE_STATE_METRICS.name, state, self.below())

    def _operated_prometheus(self, settings: KubePrometheusStackSettings) -> None:
        network = self._context.network
        # The chart brings these itself, with what scrapes them.
        theirs = (ALERTMANAGER.name, KUBE_STATE_METRICS.name)
        operation_kinds.prometheus(
            self._site,
            settings,
            targets=[target for target in network.targets() if target.job not in theirs],
            rule_groups=self._rule_groups(),
            paths=network.paths(PROMETHEUS.name),
            alerting=network.paths(ALERTMANAGER.name),
            opts=self.below(needs=["cert_manager", *_NEEDS]),
        )

    def _rule_groups(self) -> list[dict[str, Any]]:
        backups = self._settings.recovery
        late = {name: times.every_hours for name, times in backups.schedules.items()} if backups else {}
        return alerts.rule_groups(late)

    def _cost(self, settings: KubecostSettings) -> None:
        budgets = {
            tenant.namespace_name(self._context.labels, name): one.budget
            for name, one in self._settings.tenants.items()
            if one.budget is not None
        }
        operation_kinds.kubecost(self._site, settings, budgets, self.below(needs=_NEEDS))
