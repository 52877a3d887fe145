"""What Prometheus scrapes, where a chart does not say so itself, and its alerting rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from infra.manifests.meta import NAME, Manifest, labels, metadata, selector
from infra.manifests.prometheus import Target
from infra.settings import Labels
from workloads.kit.contracts.namespaces import MONITORING

API: Final = "monitoring.coreos.com/v1"


def pod_monitor(
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    *,
    pods: Mapping[str, str],
    port: str | int,
    exporter: bool = False,
) -> Manifest:
    """Scrapes each pod that has these labels, at /metrics of a port. Label `job` is the pods' name.

    Args:
        port: its name, or its number.
        exporter: whether its figures are about others: labels that it gives them are kept.
    """
    at = {"portNumber": port} if isinstance(port, int) else {"port": port}
    endpoint: Manifest = {**at, "path": "/metrics"}
    if exporter:
        endpoint["honorLabels"] = True
    return {
        "apiVersion": API,
        "kind": "PodMonitor",
        "metadata": metadata(name, namespace, labels),
        "spec": {
            "jobLabel": NAME,
            "selector": {"matchLabels": dict(pods)},
            "podMetricsEndpoints": [endpoint],
        },
    }


def of_target(identity: Labels, target: Target) -> Manifest:
    """The same as Prometheus's own configuration says for a target, so that one rule fits both."""
    theirs = labels(identity, target.job, "metrics")
    return pod_monitor(
        target.job,
        target.namespace,
        theirs,
        pods=selector(target.job),
        port=target.port,
        exporter=not target.each_pod,
    )


def rule(identity: Labels, group: Mapping[str, Any]) -> Manifest:
    """One group of alerting rules."""
    name: str = group["name"]
    return {
        "apiVersion": API,
        "kind": "PrometheusRule",
        "metadata": metadata(name, MONITORING, labels(identity, name, "alerts")),
        "spec": {"groups": [dict(group)]},
    }
