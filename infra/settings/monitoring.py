"""Metrics and alerts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infra.settings.base import Resources, Section, Storage


class Prometheus(Section):
    """Prometheus."""

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
    storage: Storage | None = Field(None, description="Volume of the samples; lost with the pod if not set.")


class Alertmanager(Section):
    """Alertmanager, which shows alerts and sends them nowhere yet."""

    resources: Resources = Field(description="Resources of the server.")


class Exporter(Section):
    """An exporter of metrics."""

    resources: Resources = Field(description="Resources of the exporter.")


class MonitoringDeployments(Section):
    """Prometheus, Alertmanager and exporters as deployments of our own."""

    kind: Literal["deployments"] = Field(description="How the platform is watched.")
    prometheus: Prometheus = Field(description="Prometheus.")
    alertmanager: Alertmanager = Field(description="Alertmanager.")
    postgres_exporter: Exporter = Field(description="postgres-exporter.")
    kube_state_metrics: Exporter = Field(description="kube-state-metrics.")
