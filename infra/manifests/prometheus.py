"""Prometheus, and Alertmanager, which it sends its alerts to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.manifests.meta import Manifest
from infra.manifests.probes import Http, Probes
from infra.manifests.workload import Volume, Workload
from infra.settings import Labels, Resources, Storage
from workloads.kit.contracts import ports
from workloads.kit.contracts.declared import services as declared
from workloads.kit.contracts.declared.services import PROMETHEUS
from workloads.kit.contracts.namespaces import MONITORING

NAME: Final = PROMETHEUS.name
ALERTMANAGER: Final = declared.ALERTMANAGER.name

_CONFIG: Final = "/etc/carbon"
_DATA: Final = "/var/lib/prometheus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something to scrape.

    Args:
        host: name of its service.
        each_pod: scrape every address behind the name, not one: for workloads of several pods. Otherwise it
            is an exporter, whose labels are kept as it says them.
    """

    job: str
    namespace: str
    host: str
    port: int
    each_pod: bool


def prometheus(
    identity: Labels,
    image: str,
    resources: Resources,
    storage: Storage | None,
    *,
    interval_seconds: int,
    retention: str,
    retention_size: str,
    rule_groups: Sequence[dict[str, Any]],
    targets: Sequence[Target],
) -> Workload:
    """Prometheus's pod.

    Args:
        rule_groups: alert rules.
        targets: what it scrapes, besides itself.
    """
    config = _config(interval_seconds, targets)
    return Workload(
        name=NAME,
        namespace=MONITORING,
        component="metrics",
        identity=identity,
        image=image,
        resources=resources,
        args=(
            f"--config.file={_CONFIG}/prometheus.yml",
            f"--storage.tsdb.path={_DATA}",
            f"--storage.tsdb.retention.time={retention}",
            f"--storage.tsdb.retention.size={retention_size}",
            f"--web.listen-address=:{ports.PROMETHEUS}",
        ),
        ports={"http": ports.PROMETHEUS},
        # JSON is YAML that needs no library and sorts the same everywhere.
        files={
            "prometheus.yml": json.dumps(config, indent=1),
            "rules.yml": json.dumps({"groups": list(rule_groups)}, indent=1),
        },
        files_at=_CONFIG,
        scratch={} if storage else {"data": _DATA},
        volume=Volume(storage, _DATA) if storage else None,
        probes=Probes(live=Http("/-/healthy", ports.PROMETHEUS), ready=Http("/-/ready", ports.PROMETHEUS)),
        grace_seconds=60,
        exceptions={
            "scaler": "two of them would each hold all samples and send each alert twice",
        },
    )


def alertmanager(identity: Labels, image: str, resources: Resources) -> Workload:
    """Alertmanager's pod: it groups and shows alerts."""
    config = {
        "route": {"receiver": "none", "group_by": ["alertname"], "group_wait": "10s"},
        "receivers": [{"name": "none"}],
    }
    return Workload(
        name=ALERTMANAGER,
        namespace=MONITORING,
        component="alerts",
        identity=identity,
        image=image,
        resources=resources,
        args=(
            f"--config.file={_CONFIG}/alertmanager.yml",
            "--storage.path=/var/lib/alertmanager",
            f"--web.listen-address=:{ports.ALERTMANAGER}",
            # One replica: there is nobody to gossip with.
            "--cluster.listen-address=",
        ),
        ports={"http": ports.ALERTMANAGER},
        files={"alertmanager.yml": json.dumps(config, indent=1)},
        files_at=_CONFIG,
        scratch={"data": "/var/lib/alertmanager"},
        probes=Probes(
            live=Http("/-/healthy", ports.ALERTMANAGER), ready=Http("/-/ready", ports.ALERTMANAGER)
        ),
        exceptions={"scaler": "one of them knows which alert was sent"},
    )


def _config(interval_seconds: int, targets: Sequence[Target]) -> Manifest:
    every = f"{interval_seconds}s"
    return {
        "global": {"scrape_interval": every, "evaluation_interval": every, "scrape_timeout": "5s"},
        "rule_files": [f"{_CONFIG}/rules.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"{ALERTMANAGER}:{ports.ALERTMANAGER}"]}]}]
        },
        "scrape_configs": [
            {"job_name": NAME, "static_configs": [{"targets": [f"localhost:{ports.PROMETHEUS}"]}]},
            *(_pods(target) if target.each_pod else _exporter(target) for target in targets),
        ],
    }


def _pods(target: Target) -> Manifest:
    # By DNS rather than from the Kubernetes API: it needs no token, and Debian's build knows no Kubernetes.
    names = {"names": [target.host], "type": "A", "port": target.port, "refresh_interval": "10s"}
    labelled = {"target_label": "namespace", "replacement": target.namespace}
    return {"job_name": target.job, "dns_sd_configs": [names], "relabel_configs": [labelled]}


def _exporter(target: Target) -> Manifest:
    return {
        "job_name": target.job,
        "honor_labels": True,
        "static_configs": [{"targets": [f"{target.host}:{target.port}"]}],
    }
