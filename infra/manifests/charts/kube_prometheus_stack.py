"""Values of kube-prometheus-stack's chart."""

from __future__ import annotations

from typing import Final

from infra.manifests import pods
from infra.manifests.meta import NAME, Manifest
from infra.manifests.prometheus import ALERTMANAGER
from infra.manifests.prometheus import NAME as PROMETHEUS
from infra.manifests.resources import alert_routes, priority
from infra.manifests.workload import Volume
from infra.names import PASSWORD, USERNAME
from infra.namespaces import SYSTEM
from infra.settings import Storage
from infra.settings.monitoring import KubePrometheusStackSettings

FULL_NAME: Final = "monitoring"
"""Start of the names of what the chart makes."""

GRAFANA_SECRET: Final = "grafana-admin"  # noqa: S105
"""Secret with Grafana's administrator."""

OPERATOR: Final = {"app.kubernetes.io/component": "prometheus-operator"}
GRAFANA: Final = {NAME: "grafana"}
"""Labels of the pods that are neither Prometheus nor Alertmanager."""

_EVERYWHERE: Final[Manifest] = {}
"""The selector that leaves nothing out."""

_UNREACHABLE: Final = ("kubeControllerManager", "kubeEtcd", "kubeProxy", "kubeScheduler")
"""EKS shows the metrics of its control plane to nobody; kube-proxy's answer on its own node alone."""

_RULES_WITHOUT_TARGETS: Final = (
    "etcd",
    "kubeProxy",
    "kubeSchedulerAlerting",
    "kubeSchedulerRecording",
    "windows",
)

_SHOWN: Final = {
    "namespaces": ("tenant", "owner", "team", "department", "product", "env", "cost-center"),
    "pods": (NAME, "tenant"),
}
"""Kind → labels that its figures can be told apart by: all of them would be too many."""

_OURS: Final = ("TargetDown",)
"""Alerts of the chart that we have, too, under the same name."""


def values(settings: KubePrometheusStackSettings, *, cluster: str) -> Manifest:
    """Values. The monitors of our workloads and our rules are objects of our own.

    Args:
        cluster: its name, on every alert.
    """
    prometheus, alertmanager = settings.prometheus, settings.alertmanager
    every = f"{prometheus.scrape_interval_seconds}s"
    return {
        "fullnameOverride": FULL_NAME,
        # The definitions are a release of their own, before all that brings a monitor.
        "crds": {"enabled": False},
        "kube-state-metrics": {
            "resources": pods.resources(settings.kube_state_metrics.resources),
            "metricLabelsAllowlist": [f"{kind}=[{','.join(names)}]" for kind, names in _SHOWN.items()],
        },
        "prometheus-node-exporter": {
            # It looks at its node's disks and network, which the namespaces of the platform refuse.
            "namespaceOverride": SYSTEM,
            "resources": pods.resources(settings.node_exporter.resources),
        },
        **{part: {"enabled": False} for part in _UNREACHABLE},
        "defaultRules": {
            "create": True,
            "rules": dict.fromkeys(_RULES_WITHOUT_TARGETS, False),
            "disabled": dict.fromkeys(_OURS, True),
        },
        "prometheusOperator": {
            "resources": pods.resources(settings.operator.resources),
            "admissionWebhooks": {
                "certManager": {"enabled": True},
                "patch": {"enabled": False},
                # On its first install the chart's own rules come before the operator that judges them.
                "failurePolicy": "IgnoreOnInstallOnly",
            },
            "kubeletService": {"namespace": SYSTEM},
        },
        "prometheus": {
            "podDisruptionBudget": _budget(prometheus.replicas),
            "prometheusSpec": {
                "replicas": prometheus.replicas,
                "retention": prometheus.retention,
                "retentionSize": prometheus.retention_size,
                "scrapeInterval": every,
                "evaluationInterval": every,
                "resources": pods.resources(prometheus.resources),
                "storageSpec": _storage(prometheus.storage),
                "externalLabels": {"cluster": cluster},
                "priorityClassName": priority.OPERATORS,
                "topologySpreadConstraints": pods.spread({NAME: PROMETHEUS}),
                "ruleSelector": _EVERYWHERE,
                "ruleSelectorNilUsesHelmValues": False,
                "podMonitorSelector": _EVERYWHERE,
                "podMonitorSelectorNilUsesHelmValues": False,
                "serviceMonitorSelector": _EVERYWHERE,
                "serviceMonitorSelectorNilUsesHelmValues": False,
                "probeSelectorNilUsesHelmValues": False,
                "scrapeConfigSelectorNilUsesHelmValues": False,
            },
        },
        "alertmanager": {
            "config": alert_routes.config(alertmanager.receivers),
            "podDisruptionBudget": _budget(alertmanager.replicas),
            "alertmanagerSpec": {
                "replicas": alertmanager.replicas,
                "resources": pods.resources(alertmanager.resources),
                "storage": _storage(alertmanager.storage),
                "secrets": [alert_routes.SECRET] if alertmanager.receivers else [],
                "priorityClassName": priority.OPERATORS,
                "topologySpreadConstraints": pods.spread({NAME: ALERTMANAGER}),
            },
        },
        "grafana": _grafana(settings),
    }


def _grafana(settings: KubePrometheusStackSettings) -> Manifest:
    if settings.grafana is None:
        return {"enabled": False}
    return {
        "enabled": True,
        "admin": {"existingSecret": GRAFANA_SECRET, "userKey": USERNAME, "passwordKey": PASSWORD},
        "resources": pods.resources(settings.grafana.resources),
        "defaultDashboardsTimezone": "utc",
    }


def _storage(storage: Storage) -> Manifest:
    return {"volumeClaimTemplate": {"spec": Volume(storage, "").claim()}}


def _budget(replicas: int) -> Manifest:
    return {"enabled": replicas > 1, "minAvailable": 1}
