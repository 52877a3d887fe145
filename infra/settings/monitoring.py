"""Metrics and alerts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field

from infra.settings.base import Resources, Section, Storage


class _Prometheus(Section):
    scrape_interval_seconds: int = Field(
        15, ge=5, description="Seconds between scrapes, and between evaluations."
    )
    retention: Annotated[str, Field(pattern=r"^[0-9]+[hd]$")] = Field(
        "2d", description="Age of kept samples."
    )
    retention_size: Annotated[str, Field(pattern=r"^[0-9]+(MB|GB)$")] = Field(
        "1GB", description="Size of samples kept."
    )
    resources: Resources = Field(description="Resources of the server.")


class PrometheusSettings(_Prometheus):
    """Prometheus."""

    storage: Storage | None = Field(None, description="Volume of the samples; lost with the pod if not set.")


class AlertmanagerSettings(Section):
    """Alertmanager, which shows alerts and sends them nowhere."""

    resources: Resources = Field(description="Resources of the server.")


class Exporter(Section):
    """An exporter of metrics."""

    resources: Resources = Field(description="Resources of the exporter.")


class MonitoringDeployments(Section):
    """Prometheus, Alertmanager and exporters as deployments of our own."""

    kind: Literal["deployments"] = Field(description="How the platform is watched.")
    prometheus: PrometheusSettings = Field(description="Prometheus.")
    alertmanager: AlertmanagerSettings = Field(description="Alertmanager.")
    postgres_exporter: Exporter = Field(description="postgres-exporter.")
    kube_state_metrics: Exporter = Field(description="kube-state-metrics.")


class OperatedPrometheus(_Prometheus):
    """Prometheus under its operator."""

    replicas: int = Field(1, ge=1, le=3, description="Servers, each with all samples.")
    storage: Storage = Field(description="Volume of the samples, one a server.")


class Receivers(Section):
    """Who is told of an alert: PagerDuty what wakes somebody, Slack what can wait for the next day."""

    slack_channel: Annotated[str, Field(pattern=r"^#[a-z0-9_-]+$")] = Field(description="Channel in Slack.")


class OperatedAlertmanager(AlertmanagerSettings):
    """Alertmanager under its operator."""

    replicas: int = Field(1, ge=1, le=3, description="Servers; they agree on who tells.")
    storage: Storage = Field(description="Volume of silences and of what was told, one a server.")
    receivers: Receivers | None = Field(
        None,
        description="Who is told; by default nobody. The keys come from Secrets Manager (secrets.kind "
        "external).",
    )


class KubePrometheusStackSettings(Section):
    """Prometheus and Alertmanager from the chart kube-prometheus-stack, with the cluster's own metrics."""

    kind: Literal["kube-prometheus-stack"] = Field(description="How the platform is watched.")
    operator: Exporter = Field(description="Prometheus operator.")
    prometheus: OperatedPrometheus = Field(description="Prometheus.")
    alertmanager: OperatedAlertmanager = Field(description="Alertmanager.")
    postgres_exporter: Exporter = Field(description="postgres-exporter.")
    kube_state_metrics: Exporter = Field(description="kube-state-metrics.")
    node_exporter: Exporter = Field(description="node-exporter, one a node.")
    grafana: Exporter | None = Field(
        None, description="Grafana; its password comes from Secrets Manager (secrets.kind external)."
    )


Monitoring = Annotated[MonitoringDeployments | KubePrometheusStackSettings, Discriminator("kind")]
