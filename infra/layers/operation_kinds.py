"""What watches the platform, backs it up, and tells its cost, each the way that a stack's settings choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.components.kube_prometheus_stack import KubePrometheusStack, KubePrometheusStackArgs
from infra.components.kubecost import Kubecost, KubecostArgs
from infra.components.services.base import ClusterSite
from infra.components.velero import Velero, VeleroArgs
from infra.manifests.network import Paths
from infra.manifests.prometheus import Target
from infra.manifests.resources import alert_routes
from infra.manifests.resources.external_secrets import Remote
from infra.names import GRAFANA_ADMIN, PASSWORD, USERNAME, VELERO_REPOSITORY, Names
from infra.settings import cost, monitoring, recovery
from infra.settings.secrets import ExternalSecretsSettings, Secrets
from infra.settings.tenants import TenantBudget


@dataclass(frozen=True, kw_only=True)
class OperationSite:
    """What all of them need.

    Args:
        cluster: its name, in alerts and in rows of cost.
        names: of what AWS holds; None on a cluster elsewhere.
    """

    site: ClusterSite
    cluster: str
    names: Names | None
    secrets: Secrets

    def aws(self, section: str) -> tuple[Names, str]:
        """Names of what AWS holds, and how often a secret there is read.

        Args:
            section: that asks for it, for the message.

        Raises:
            pulumi.RunError: the stack has nothing at AWS, or keeps its secrets elsewhere.
        """
        if self.names is None or not isinstance(self.secrets, ExternalSecretsSettings):
            raise pulumi.RunError(
                f"carbon:{section} has secrets in AWS Secrets Manager. Remedy: add section carbon:aws and "
                "choose carbon:secrets.kind external, or leave it out."
            )
        return self.names, self.secrets.refresh_interval


def prometheus(
    site: OperationSite,
    settings: monitoring.KubePrometheusStackSettings,
    *,
    targets: Sequence[Target],
    rule_groups: Sequence[Mapping[str, Any]],
    paths: Paths,
    alerting: Paths,
    opts: pulumi.ResourceOptions,
) -> KubePrometheusStack:
    """Prometheus and Alertmanager under their operator.

    Args:
        targets: workloads of the platform.
        paths, alerting: of Prometheus and of Alertmanager with these.
    """
    receivers: Mapping[str, Remote] = {}
    if settings.alertmanager.receivers is not None:
        receivers = alert_routes.keys(*site.aws("monitoring.alertmanager.receivers"))
    grafana: Mapping[str, Remote] = {}
    if settings.grafana is not None:
        names, refresh = site.aws("monitoring.grafana")
        entry = names.secret(GRAFANA_ADMIN)
        grafana = {field: Remote(entry, field, refresh) for field in (USERNAME, PASSWORD)}
    args = KubePrometheusStackArgs(
        site=site.site,
        cluster=site.cluster,
        settings=settings,
        targets=targets,
        rule_groups=rule_groups,
        receivers=receivers,
        grafana=grafana,
        paths=paths,
        alerting=alerting,
    )
    return KubePrometheusStack("kube-prometheus-stack", args, opts)


def velero(site: OperationSite, settings: recovery.VeleroSettings, opts: pulumi.ResourceOptions) -> Velero:
    """Backups."""
    names, refresh = site.aws("recovery")
    key = Remote(names.secret(VELERO_REPOSITORY), PASSWORD, refresh)
    return Velero(
        "velero", VeleroArgs(site=site.site, names=names, settings=settings, repository_key=key), opts
    )


def kubecost(
    site: OperationSite,
    settings: cost.KubecostSettings,
    budgets: Mapping[str, TenantBudget],
    opts: pulumi.ResourceOptions,
) -> Kubecost:
    """Cost.

    Args:
        budgets: of tenants, by namespace.
    """
    args = KubecostArgs(site=site.site, cluster=site.cluster, settings=settings, tenants=budgets)
    return Kubecost("kubecost", args, opts)
