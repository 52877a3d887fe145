"""Backups by Velero: where they go, when they are made, what is in them, and with which rights."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifests.charts import velero as chart
from infra.manifests.resources import strimzi_clients, velero
from infra.manifests.resources.cloudnative_pg import POOLERS, SERVERS
from infra.manifests.resources.external_secrets import Remote
from infra.names import Names
from infra.settings import Labels
from infra.settings.recovery import Schedule, VeleroSettings
from workloads.kit.contracts.declaration import Quota

IDENTITY = Labels(environment="prod", owner="o", team="t", product="carbon", cost_center="c")
NAMES = Names("prod", "111122223333", "eu-central-1")
SMALL = {"cpu": "100m", "memory": "256Mi", "memory_limit": "1Gi"}
QUOTA = Quota(produce_bytes=1, consume_bytes=1, request_percent=1)
DAILY = Schedule(cron="30 3 * * *", every_hours=24, keep_days=30)
HOURLY = Schedule(cron="15 * * * *", every_hours=1, keep_days=2, only_platform=True)


def values(**changes: Any) -> dict[str, Any]:
    given = {"kind": "velero", "resources": SMALL, "node_agent": SMALL}
    return chart.values(VeleroSettings.model_validate(given | changes), monitored=True)


def test_backups_go_to_the_recovery_bucket_under_its_key() -> None:
    spec = velero.backup_location(IDENTITY, NAMES)["spec"]
    assert spec["default"] is True
    assert spec["objectStorage"] == {"bucket": NAMES.bucket("recovery"), "prefix": "velero"}
    assert spec["config"] == {
        "region": "eu-central-1",
        "kmsKeyId": "arn:aws:kms:eu-central-1:111122223333:alias/carbon/prod/storage",
    }


def test_a_stack_that_says_nothing_backs_everything_up_daily_for_thirty_days() -> None:
    settings = VeleroSettings.model_validate({"kind": "velero", "resources": SMALL, "node_agent": SMALL})
    (name,) = settings.schedules
    spec = velero.schedule(IDENTITY, name, settings.schedules[name])["spec"]
    assert spec["template"]["includedNamespaces"] == ["*"]
    assert spec["template"]["ttl"] == "720h0m0s"
    assert spec["template"]["snapshotMoveData"] is True
    assert settings.schedules[name].every_hours == 24


def test_the_platforms_namespace_can_have_a_schedule_of_its_own() -> None:
    spec = velero.schedule(IDENTITY, "hourly", HOURLY)["spec"]
    assert spec["schedule"] == "15 * * * *"
    assert spec["template"]["includedNamespaces"] == ["carbon"]
    assert spec["template"]["ttl"] == "48h0m0s"


def test_volumes_of_brokers_and_databases_are_left_to_their_own_archives() -> None:
    template = velero.schedule(IDENTITY, "daily", DAILY)["spec"]["template"]
    left_out = {e["key"] for e in template["labelSelector"]["matchExpressions"]}
    assert {e["operator"] for e in template["labelSelector"]["matchExpressions"]} == {"DoesNotExist"}
    assert left_out & SERVERS.keys()
    # A broker's volume has its pool's name; what declares topics and clients has only the cluster's.
    declared = strimzi_clients.tenant_user(IDENTITY, "x", "p", QUOTA)["metadata"]["labels"]
    assert not left_out & declared.keys()
    assert not left_out & POOLERS.keys()


def test_old_and_new_filters_are_not_mixed() -> None:
    """Velero refuses a backup that has both kinds."""
    template = velero.schedule(IDENTITY, "daily", DAILY)["spec"]["template"]
    assert not [key for key in template if key.endswith("ScopedResources")]


def test_volumes_are_encrypted_with_a_key_that_nobody_else_has() -> None:
    key = Remote(NAMES.secret("velero/repository"), "password", "15m")
    made = velero.repository_key(IDENTITY, key)
    assert made["kind"] == "ExternalSecret"
    assert made["metadata"]["name"] == made["spec"]["target"]["name"] == "velero-repo-credentials"
    (entry,) = made["spec"]["data"]
    assert entry["secretKey"] == "repository-password"
    assert entry["remoteRef"]["key"] == "carbon/prod/velero/repository"


def test_snapshots_are_moved_out_of_the_cluster() -> None:
    made = values()
    configuration = made["configuration"]
    assert configuration["features"] == "EnableCSI"
    assert configuration["defaultSnapshotMoveData"] is True
    assert configuration["uploaderType"] == "kopia"
    assert made["deployNodeAgent"] is True
    assert made["nodeAgent"]["tolerations"] == [{"operator": "Exists"}], "volumes are on every node"


def test_rights_at_aws_come_from_the_account_and_no_key_is_kept() -> None:
    made = values()
    assert made["credentials"] == {"useSecret": False}
    assert made["serviceAccount"]["server"] == {"create": True, "name": "velero-server"}


def test_nothing_of_a_node_is_mounted() -> None:
    made = values()
    assert made["nodeAgent"]["disableHostPath"] is True
    labels = velero.home(IDENTITY)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"


def test_the_plugin_is_pinned() -> None:
    (plugin,) = values()["initContainers"]
    assert plugin["image"].endswith("velero-plugin-for-aws:v1.14.3")


@pytest.mark.parametrize(
    "change",
    [
        {"schedules": {}},
        {"schedules": {"Daily": {"cron": "30 3 * * *", "every_hours": 24, "keep_days": 30}}},
        {"schedules": {"daily": {"cron": "daily", "every_hours": 24, "keep_days": 30}}},
        {"schedules": {"daily": {"cron": "30 3 * * *", "every_hours": 24, "keep_days": 0}}},
        {"kind": "restic"},
    ],
)
def test_settings_refuse(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        values(**change)
