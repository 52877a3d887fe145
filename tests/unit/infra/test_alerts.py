"""Each alert, run by promtool over series that must fire it and series that must not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.manifests.alerts import ALERTS, recovery_alerts, rule_groups
from tools import debian, paths
from workloads.kit.contracts.platform import DECLARED

RUNBOOKS = paths.ROOT / "runbooks"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]

BACKUPS = {"daily": 24, "hourly": 1}
EVERY = (*ALERTS, *recovery_alerts(BACKUPS))


@dataclass(frozen=True)
class Case:
    """Series (name → promtool's values, one a minute), the minute to look at, the labels that must fire."""

    series: dict[str, str]
    minute: int
    fires: list[dict[str, str]]


def _available(deployment: str) -> str:
    """Series of the pods of a deployment that are ready."""
    return f'kube_deployment_status_replicas_available{{namespace="carbon",deployment="{deployment}"}}'


def _failed_job(owner: str, *, began: int, succeeded: int, said: int = 0) -> dict[str, str]:
    """Series of a job that Kubernetes began and found to have failed, and of what `job_runs` says: times in
    seconds, and whether the newest run failed."""
    job = 'namespace="carbon",job_name="model-training-29384711"'
    return {
        f"kube_job_status_start_time{{{job}}}": f"{began}x20",
        f'kube_job_owner{{{job},owner_kind="{owner}",owner_name="model-training"}}': "1x20",
        f'kube_job_failed{{{job},condition="true"}}': "1x20",
        'carbon_job_last_success_timestamp_seconds{job_name="model-training"}': f"{succeeded}x20",
        'carbon_job_last_run_failed{job_name="model-training",instance="a"}': f"{said}x20",
    }


CASES: dict[str, list[Case]] = {
    "ConsumerLagHigh": [
        Case(
            {
                'carbon_consumer_lag_messages{group="g",partition="0"}': "6000x20",
                'carbon_consumer_lag_messages{group="g",partition="1"}': "6000x20",
            },
            10,
            [{"group": "g"}],
        ),
        Case({'carbon_consumer_lag_messages{group="g",partition="0"}': "9000x20"}, 10, []),
        Case({'carbon_consumer_lag_messages{group="g",partition="0"}': "0x5 20000 20000 0x9"}, 10, []),
    ],
    "QualityImpossible": [
        Case(
            {
                'carbon_quality_alerts_total{rule="range",severity="critical",source="s"}': "0x5 3x20",
                'carbon_quality_alerts_total{rule="spike",severity="warning",source="t"}': "0x5 3x20",
            },
            10,
            [{"source": "s"}],
        ),
        Case({'carbon_quality_alerts_total{rule="range",severity="critical",source="s"}': "3x40"}, 30, []),
        Case(  # a consumer that came up amid a backlog
            {'carbon_quality_alerts_total{rule="range",severity="critical",source="s",pod="b"}': "_x25 2x20"},
            30,
            [{"source": "s"}],
        ),
    ],
    "QualitySuspicious": [
        Case(  # many series of one source, and two rules: one alert
            {
                'carbon_quality_alerts_total{rule="gap",severity="warning",source="s",pod="a"}': "0x5 9x20",
                'carbon_quality_alerts_total{rule="spike",severity="warning",source="s",pod="b"}': "0x5 1x20",
                'carbon_quality_alerts_total{rule="drift",severity="info",source="t",pod="b"}': "0x5 1x20",
            },
            10,
            [{"source": "s"}],
        ),
        Case({'carbon_quality_alerts_total{rule="gap",severity="warning",source="s"}': "9x40"}, 30, []),
    ],
    "SourceStale": [
        Case(
            {
                'carbon_quality_overdue_seconds{source="s",pod="a"}': "0x5 60+60x40",
                'carbon_quality_overdue_seconds{source="s",pod="b"}': "0x5 30+60x40",
                'carbon_quality_overdue_seconds{source="t",pod="b"}': "0x50",
            },
            30,
            [{"source": "s"}],
        ),
        Case({'carbon_quality_overdue_seconds{source="s"}': "0x5 60 60 0x30"}, 30, []),
    ],
    "CustomerEventsDropped": [
        Case({'carbon_data_api_told_dropped_total{pod="a"}': "0x5 7x20"}, 10, [{}]),
        Case({'carbon_data_api_told_dropped_total{pod="a"}': "7x40"}, 30, []),
    ],
    "CustomerFiguresLate": [
        Case(
            {
                'carbon_job_last_success_timestamp_seconds{job_name="customer-metrics"}': "0x2000",
                'carbon_job_last_success_timestamp_seconds{job_name="customer-daily"}': "0x2000",
            },
            4 * 60,
            [{"job_name": "customer-metrics"}],
        ),
        Case(
            {'carbon_job_last_success_timestamp_seconds{job_name="customer-daily"}': "0x2000"},
            28 * 60,
            [{"job_name": "customer-daily"}],
        ),
        Case({'carbon_job_last_success_timestamp_seconds{job_name="customer-daily"}': "0x2000"}, 1500, []),
    ],
    "MonthsMissing": [
        Case(
            {
                'carbon_store_partitions_months_ahead{table_name="price_trends"}': "3x60 0x200",
                'carbon_store_partitions_months_ahead{table_name="ml_predictions"}': "3x260",
            },
            130,
            [{"table_name": "price_trends"}],
        ),
        Case({'carbon_store_partitions_months_ahead{table_name="price_trends"}': "1x200"}, 130, []),
    ],
    "WarehouseLate": [
        Case(
            {'carbon_job_last_success_timestamp_seconds{job_name="warehouse-etl"}': "0x2000"},
            14 * 60,
            [{"job_name": "warehouse-etl"}],
        ),
        Case({'carbon_job_last_success_timestamp_seconds{job_name="warehouse-etl"}': "0x2000"}, 12 * 60, []),
    ],
    "WarehouseTablesLeftOut": [
        Case({"carbon_warehouse_run_tables_left_out": "0x5 2x20"}, 10, [{}]),
        Case({"carbon_warehouse_run_tables_left_out": "0x40"}, 30, []),
    ],
    "ConsumerPaused": [
        Case({'carbon_consumer_paused{group="g",pod="a"}': "1x20"}, 10, [{"group": "g"}]),
        Case({'carbon_consumer_paused{group="g",pod="a"}': "1x3 0x20"}, 10, []),
    ],
    "DeadLetters": [
        Case(
            {'carbon_consumer_dead_letters_total{group="g",topic="t"}': "0x5 1x20"},
            10,
            [{"group": "g", "topic": "t"}],
        ),
        Case({'carbon_consumer_dead_letters_total{group="g",topic="t"}': "3x40"}, 30, []),
        # The first of an error makes its counter, which nobody saw at 0.
        Case(
            {'carbon_consumer_dead_letters_total{group="g",topic="t",error="DecodeError"}': "_x25 1x20"},
            30,
            [{"group": "g", "topic": "t"}],
        ),
        # What was not looked at for a while did not rise for that.
        Case({'carbon_consumer_dead_letters_total{group="g",topic="t"}': "3x10 _x10 3x20"}, 30, []),
    ],
    "PipelineLate": [
        Case(
            {
                'carbon_job_last_success_timestamp_seconds{job_name="price-pipeline"}': "0x2000",
                "pg_up": "1x2000",
            },
            27 * 60,
            [{"job_name": "price-pipeline"}],
        ),
        Case(
            {
                'carbon_job_last_success_timestamp_seconds{job_name="price-pipeline"}': "0x2000",
                "pg_up": "1x2000",
            },
            25 * 60,
            [],
        ),
        # No run has ever succeeded.
        Case({"pg_up": "1x60"}, 30, [{"job_name": "price-pipeline"}]),
    ],
    "JobFailed": [
        Case(
            {'carbon_job_last_run_failed{job_name="model-training"}': "1x20"},
            10,
            [{"job_name": "model-training"}],
        ),
        Case({'carbon_job_last_run_failed{job_name="model-training"}': "0x20"}, 10, []),
        # Killed, and without a word: a run by hand that ended well since is one of it.
        Case(_failed_job("CronJob", began=300, succeeded=200), 10, [{"job_name": "model-training"}]),
        Case(_failed_job("CronJob", began=300, succeeded=400), 10, []),
        Case(_failed_job("CronJob", began=300, succeeded=200, said=1), 10, [{"job_name": "model-training"}]),
        Case(_failed_job("Node", began=300, succeeded=200), 10, []),
    ],
    "ModelStale": [
        Case(
            {'carbon_model_trained_timestamp_seconds{symbol="WTI"}': "0x4000"}, 51 * 60, [{"symbol": "WTI"}]
        ),
        Case({'carbon_model_trained_timestamp_seconds{symbol="WTI"}': "0x4000"}, 49 * 60, []),
    ],
    "ModelWithoutSkill": [
        Case(
            {'carbon_model_version{symbol="WTI",alias="challenger",pod="a"}': "3x30"}, 20, [{"symbol": "WTI"}]
        ),
        Case(
            {
                'carbon_model_version{symbol="WTI",alias="challenger",pod="a"}': "3x30",
                'carbon_model_version{symbol="WTI",alias="champion",pod="b"}': "2x30",
            },
            20,
            [],
        ),
    ],
    "InferenceSlow": [
        Case(
            {
                'carbon_model_server_request_seconds_bucket{endpoint="/predict",le="0.1"}': "0x30",
                'carbon_model_server_request_seconds_bucket{endpoint="/predict",le="1"}': "0+60x30",
                'carbon_model_server_request_seconds_bucket{endpoint="/predict",le="+Inf"}': "0+60x30",
            },
            20,
            [{}],
        ),
        Case(
            {
                'carbon_model_server_request_seconds_bucket{endpoint="/predict",le="0.1"}': "0+60x30",
                'carbon_model_server_request_seconds_bucket{endpoint="/predict",le="1"}': "0+60x30",
                'carbon_model_server_request_seconds_bucket{endpoint="/predict",le="+Inf"}': "0+60x30",
            },
            20,
            [],
        ),
    ],
    "PredictionAnomalies": [
        Case({'carbon_prediction_anomalies_total{symbol="WTI",pod="a"}': "0+1x30"}, 20, [{"symbol": "WTI"}]),
        Case({'carbon_prediction_anomalies_total{symbol="WTI",pod="a"}': "0x10 1x20"}, 20, []),
        Case(
            {
                'carbon_prediction_anomalies_total{symbol="WTI",pod="a"}': "_x15 4x20",
                'carbon_prediction_anomalies_total{symbol="HH",pod="a"}': "_x15 3x20",
            },
            20,
            [{"symbol": "WTI"}],
        ),
    ],
    "PodRestarting": [
        Case(
            {'kube_pod_container_status_restarts_total{namespace="carbon",pod="p"}': "0+1x30"},
            20,
            [{"namespace": "carbon", "pod": "p"}],
        ),
        Case({'kube_pod_container_status_restarts_total{namespace="carbon",pod="p"}': "0x10 1x20"}, 20, []),
        Case({'kube_pod_container_status_restarts_total{namespace="elsewhere",pod="p"}': "0+1x30"}, 20, []),
    ],
    "PostgresAway": [
        Case({"pg_up": "1x5 0x10"}, 10, [{}]),
        Case({"pg_up": "1x5 0 1x10"}, 10, []),
    ],
    "RegistryAway": [
        Case({'carbon_model_registry_up{pod="a"}': "0x20"}, 10, [{}]),
        Case(
            {'carbon_model_registry_up{pod="a"}': "0x20", 'carbon_model_registry_up{pod="b"}': "1x20"}, 10, []
        ),
    ],
    "ObjectStoreAway": [
        Case(
            {_available("object-store"): "0x20", _available("other"): "0x20"},
            10,
            [{"deployment": "object-store"}],
        ),
        # One that is replaced comes back within minutes.
        Case({_available("object-store"): "0x4 1x20"}, 10, []),
    ],
    "TrinoAway": [
        Case({_available("trino"): "1x3 0x20"}, 15, [{"deployment": "trino"}]),
        Case({_available("trino"): "1x20"}, 10, []),
    ],
    "KeycloakAway": [
        Case({_available("keycloak"): "1x3 0x20"}, 15, [{"deployment": "keycloak"}]),
        Case({_available("keycloak"): "1x20"}, 10, []),
    ],
    "BackupLate": [
        # Both count from the start: at 26 hours and the hold, the daily one is late; the hourly one goes on.
        Case(
            {
                'velero_backup_last_successful_timestamp{schedule="daily",pod="a"}': "0x4000",
                'velero_backup_last_successful_timestamp{schedule="hourly",pod="a"}': "0+60x4000",
            },
            26 * 60 + 32,
            [{"schedule": "daily"}],
        ),
        Case(
            {
                'velero_backup_last_successful_timestamp{schedule="daily",pod="a"}': "0x4000",
                'velero_backup_last_successful_timestamp{schedule="hourly",pod="a"}': "0x4000",
            },
            3 * 60 + 32,
            [{"schedule": "hourly"}],
        ),
        Case(
            {
                'velero_backup_last_successful_timestamp{schedule="daily",pod="a"}': "0x1000 60000x3000",
                'velero_backup_last_successful_timestamp{schedule="hourly",pod="a"}': "0+60x4000",
            },
            26 * 60 + 32,
            [],
        ),
        # Velero is gone, or has never been there.
        Case({}, 40, [{"schedule": "daily"}, {"schedule": "hourly"}]),
    ],
    "BackupFailed": [
        Case(
            {'velero_backup_failure_total{schedule="daily",pod="a"}': "0x5 1x90"}, 30, [{"schedule": "daily"}]
        ),
        Case(
            {'velero_backup_partial_failure_total{schedule="daily",pod="a"}': "0x5 1x90"},
            30,
            [{"schedule": "daily"}],
        ),
        Case(
            {'velero_backup_validation_failure_total{schedule="daily",pod="a"}': "0x5 1x90"},
            30,
            [{"schedule": "daily"}],
        ),
        Case({'velero_backup_failure_total{schedule="daily",pod="a"}': "0x5 1x90"}, 80, []),
    ],
    "BackupLocationAway": [
        Case(
            {'velero_backup_location_status_gauge{backup_location_name="default",pod="a"}': "1x5 0x30"},
            25,
            [{"backup_location_name": "default"}],
        ),
        Case(
            {'velero_backup_location_status_gauge{backup_location_name="default",pod="a"}': "1x5 0x5 1x20"},
            25,
            [],
        ),
    ],
    "TargetDown": [
        Case(
            {'up{job="pods",instance="10.0.0.1:9100"}': "0x20"},
            10,
            [{"job": "pods", "instance": "10.0.0.1:9100"}],
        ),
        Case({'up{job="pods",instance="10.0.0.1:9100"}': "1x20"}, 10, []),
    ],
}


def _tests(name: str, cases: list[Case]) -> Iterator[dict[str, Any]]:
    [severity] = {alert.severity for alert in EVERY if alert.name == name}
    for case in cases:
        fires = [{"exp_labels": labels | {"severity": severity}} for labels in case.fires]
        yield {
            "interval": "1m",
            "input_series": [{"series": key, "values": values} for key, values in case.series.items()],
            "alert_rule_test": [
                {"eval_time": f"{case.minute}m", "alertname": name, "exp_alerts": fires},
            ],
        }


def test_every_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    for name, cases in CASES.items():
        # Each beside its own rule alone: promtool evaluates all of a file every minute of every case.
        rules = {"groups": [_rule(group, name) for group in rule_groups(BACKUPS)]}
        (tmp_path / f"{name}-rules.yaml").write_text(yaml.safe_dump(rules))
        tests = {
            "rule_files": [f"{name}-rules.yaml"],
            "evaluation_interval": "1m",
            "tests": list(_tests(name, cases)),
        }
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(tests))
    files = [str(tmp_path / f"{name}.yaml") for name in CASES]
    command = [str(debian.path("promtool")), "test", "rules", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_cases_that_fire_and_that_do_not() -> None:
    assert set(CASES) == {alert.name for alert in EVERY}
    for name, cases in CASES.items():
        assert {bool(case.fires) for case in cases} == {True, False}, name


def test_prometheus_takes_the_rule_file(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": rule_groups(BACKUPS)}))
    command = [str(debian.path("promtool")), "check", "rules", str(tmp_path / "rules.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == {alert.name for alert in EVERY}


@pytest.mark.parametrize("page", ["ConsumerLagHigh.md", "ConsumerPaused.md"])
def test_who_has_a_consumer_to_look_at_finds_each_in_the_runbook(page: str) -> None:
    """The alerts are on every group, so what shows their pods shows them all."""
    lists = re.findall(r"name in \(([^)]*)\)", (RUNBOOKS / page).read_text())
    [shown] = {one for one in lists if "analytics-consumer" in one}
    ours = {name for name, one in DECLARED.items() if one.kafka and one.kafka.group and not one.third_party}
    assert ours <= {*shown.split(", ")}


def test_a_stack_without_backups_has_no_alert_on_them() -> None:
    (group,) = rule_groups()
    assert {rule["alert"] for rule in group["rules"]} == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_runbooks_have_their_sections_and_links_that_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert [link for link in re.findall(r"\]\(([^)]+\.md)\)", text) if not (RUNBOOKS / link).is_file()] == []


def _rule(group: dict[str, Any], alert: str) -> dict[str, Any]:
    """One alert of a group, without annotations: promtool would compare them, too, and what they say is not
    what is tested here."""
    rules = [rule for rule in group["rules"] if rule.get("alert") == alert]
    return group | {"rules": [{k: v for k, v in rule.items() if k != "annotations"} for rule in rules]}
