"""Alerting rules: what wakes a person, each with a page of its name in `runbooks/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from infra.manifests.alert_expressions import job_failed, no_pod, quality, rise
from workloads.kit.contracts import metrics
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.declared.services import OBJECT_STORE, TRINO
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM


@dataclass(frozen=True)
class Alert:
    """An alert. `hold` is how long the expression must hold, as Prometheus writes durations.

    `page` wakes somebody, `ticket` is for the next working day, `info` is for those who look.
    """

    name: str
    expression: str
    hold: str
    severity: Literal["page", "ticket", "info"]
    summary: str


_NAMESPACES = f"{PLATFORM}|{MONITORING}"

ALERTS = (
    Alert(
        "ConsumerLagHigh",
        f"sum by (group) ({metrics.CONSUMER_LAG}) > 10000",
        "5m",
        "page",
        "{{ $labels.group }} is {{ $value | humanize }} messages behind",
    ),
    Alert(
        "ConsumerPaused",
        f"max by (group) ({metrics.CONSUMER_PAUSED}) > 0",
        "5m",
        "page",
        "{{ $labels.group }} waits for something that it needs",
    ),
    Alert(
        "DeadLetters",
        f"{rise('group, topic', metrics.CONSUMER_DEAD_LETTERS, '15m')} > 0",
        "0m",
        "ticket",
        "{{ $labels.group }} set messages of {{ $labels.topic }} aside",
    ),
    Alert(
        "PipelineLate",
        # Once a day at 02:00 UTC: two hours' grace. The database has the figure, so it outlives the job.
        f'time() - {metrics.JOB_LAST_SUCCESS}{{job_name="price-pipeline"}} > 26 * 3600'
        f' or absent({metrics.JOB_LAST_SUCCESS}{{job_name="price-pipeline"}})',
        "10m",
        "page",
        "no price-pipeline run has succeeded for over 26 hours",
    ),
    Alert(
        "JobFailed",
        job_failed(),
        "5m",
        "ticket",
        "a run of {{ $labels.job_name }} failed, and none has succeeded since",
    ),
    Alert(
        "MonthsMissing",
        f"min by (table_name) ({metrics.STORE_MONTHS_AHEAD}) < 1",
        "1h",
        "ticket",
        "{{ $labels.table_name }} has no partition of the next month",
    ),
    Alert(
        "ModelStale",
        f"time() - {metrics.MODEL_TRAINED} > 50 * 3600",
        "10m",
        "ticket",
        "the model of {{ $labels.symbol }} was last trained {{ $value | humanizeDuration }} ago",
    ),
    Alert(
        "ModelWithoutSkill",
        f'max by (symbol) ({metrics.MODEL_VERSION}{{alias="challenger"}}) > 0'
        f' unless on (symbol) max by (symbol) ({metrics.MODEL_VERSION}{{alias="champion"}}) > 0',
        "10m",
        "info",
        "no model of {{ $labels.symbol }} beats the naive last value; its predictions say skill: none",
    ),
    Alert(
        "InferenceSlow",
        "histogram_quantile(0.99, sum by (le)"
        f' (rate({metrics.REQUEST_SECONDS}_bucket{{endpoint="/predict"}}[5m]))) > 0.25',
        "5m",
        "ticket",
        "one request in a hundred to the model server takes {{ $value | humanizeDuration }} or longer",
    ),
    Alert(
        "PredictionAnomalies",
        f"{rise('symbol', metrics.PREDICTION_ANOMALIES, '30m')} > 3",
        "0m",
        "ticket",
        "prices or predictions of {{ $labels.symbol }} are far outside its volatility",
    ),
    Alert(
        "QualityImpossible",
        f"{rise('source', quality('critical'), '15m')} > 0",
        "0m",
        "page",
        "{{ $labels.source }} sends values that cannot be",
    ),
    Alert(
        "QualitySuspicious",
        f"{rise('source', quality('warning'), '15m')} > 0",
        "0m",
        "ticket",
        "{{ $labels.source }} sends values that are strange, or leaves some out",
    ),
    Alert(
        "SourceStale",
        f"max by (source) ({metrics.QUALITY_OVERDUE}) > 0",
        "10m",
        "ticket",
        "{{ $labels.source }} is overdue by {{ $value | humanizeDuration }}",
    ),
    Alert(
        "CustomerEventsDropped",
        f"sum(increase({metrics.API_TOLD_DROPPED}[15m])) > 0",
        "0m",
        "ticket",
        "data-api could not tell of {{ $value | humanize }} things that customers did",
    ),
    Alert(
        "CustomerFiguresLate",
        # Every hour, and once a day: the figures of a stack that has them.
        f'time() - {metrics.JOB_LAST_SUCCESS}{{job_name="customer-metrics"}} > 3 * 3600'
        f' or time() - {metrics.JOB_LAST_SUCCESS}{{job_name="customer-daily"}} > 27 * 3600',
        "10m",
        "ticket",
        "no run of {{ $labels.job_name }} has succeeded for {{ $value | humanizeDuration }}",
    ),
    Alert(
        "WarehouseLate",
        # Every six hours, of a stack that has it.
        f'time() - {metrics.JOB_LAST_SUCCESS}{{job_name="warehouse-etl"}} > 13 * 3600',
        "10m",
        "ticket",
        "no run of {{ $labels.job_name }} has loaded every table for {{ $value | humanizeDuration }}",
    ),
    Alert(
        "WarehouseTablesLeftOut",
        f"{metrics.WAREHOUSE_LEFT_OUT} > 0",
        "0m",
        "ticket",
        "{{ $value }} tables of legacy systems were left out, or differ from their sources",
    ),
    Alert(
        "PodRestarting",
        "sum by (namespace, pod)"
        f' (increase(kube_pod_container_status_restarts_total{{namespace=~"{_NAMESPACES}"}}[15m])) > 3',
        "0m",
        "page",
        "{{ $labels.namespace }}/{{ $labels.pod }} keeps restarting",
    ),
    Alert(
        "PostgresAway",
        "pg_up == 0 or absent(pg_up)",
        "1m",
        "page",
        "PostgreSQL does not answer: consumers wait, nothing is lost",
    ),
    Alert(
        "RegistryAway",
        f"max({metrics.REGISTRY_UP}) == 0",
        "5m",
        "ticket",
        "MLflow does not answer: the model server keeps the last good models",
    ),
    Alert(
        "ObjectStoreAway",
        no_pod(OBJECT_STORE.name),
        "5m",
        "ticket",
        "the object store does not answer: nothing reads or writes the lake",
    ),
    Alert(
        "TrinoAway",
        no_pod(TRINO.name),
        "5m",
        "ticket",
        "Trino takes no queries: dashboards and analysts wait",
    ),
    Alert(
        "KeycloakAway",
        no_pod(KEYCLOAK.name),
        "5m",
        "ticket",
        "Keycloak is away: nobody signs in and no program gets a token; who is in goes on",
    ),
    Alert(
        "TargetDown",
        "up == 0",
        "3m",
        "ticket",
        "Prometheus cannot scrape {{ $labels.job }} at {{ $labels.instance }}",
    ),
)


LATE_HOURS: Final = 2
"""What a backup may take beyond its interval before somebody is woken."""


def recovery_alerts(schedules: Mapping[str, int]) -> list[Alert]:
    """Alerts on backups.

    Args:
        schedules: name → hours between two backups.
    """
    success, failures = "velero_backup_last_successful_timestamp", ("", "partial_", "validation_")
    return [
        *(
            Alert(
                "BackupLate",
                f'time() - max by (schedule) ({success}{{schedule="{name}"}}) > {hours + LATE_HOURS} * 3600'
                f' or absent({success}{{schedule="{name}"}})',
                "30m",
                "page",
                f"no backup of schedule {name} has succeeded for over {hours + LATE_HOURS} hours",
            )
            for name, hours in schedules.items()
        ),
        Alert(
            "BackupFailed",
            " or ".join(
                f"sum by (schedule) (increase(velero_backup_{kind}failure_total[1h])) > 0"
                for kind in failures
            ),
            "0m",
            "ticket",
            "a backup of schedule {{ $labels.schedule }} failed, or lacks a part",
        ),
        Alert(
            "BackupLocationAway",
            "max by (backup_location_name) (velero_backup_location_status_gauge) == 0",
            "15m",
            "page",
            "Velero cannot write to its bucket: no backup is made, and none can be restored",
        ),
    ]


def rule_groups(backups: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
    """Prometheus rule groups, as its rule files hold them.

    Args:
        backups: schedules of a stack that has recovery: name → hours between two backups.
    """
    groups = [_group("carbon-platform", ALERTS)]
    if backups:
        groups.append(_group("carbon-recovery", recovery_alerts(backups)))
    return groups


def _group(name: str, alerts: Sequence[Alert]) -> dict[str, Any]:
    return {"name": name, "rules": [_rule(alert) for alert in alerts]}


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.hold,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "runbook": f"runbooks/{alert.name}.md"},
    }
