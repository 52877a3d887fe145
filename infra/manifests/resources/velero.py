"""What Velero acts on: where backups go, and when they are made."""

from __future__ import annotations

from typing import Final

from infra.manifests import namespace
from infra.manifests.meta import Manifest, labels, metadata
from infra.manifests.resources.external_secrets import Remote
from infra.manifests.secrets import secret
from infra.names import VELERO_BACKUPS, Names
from infra.namespaces import VELERO
from infra.settings import Labels
from infra.settings.recovery import Schedule
from workloads.kit.contracts.namespaces import PLATFORM

NAME: Final = "velero"

LOCATION: Final = "default"
"""The name that backups use which say none."""

REPOSITORY_SECRET: Final = "velero-repo-credentials"  # noqa: S105
"""The name under which Velero looks for the key of its repositories of volumes; without it, the key is one
that everybody knows."""

REPOSITORY_KEY: Final = "repository-password"

_ELSEWHERE: Final = ("cnpg.io/cluster", "strimzi.io/pool-name")
"""Labels of pods and volumes that are not Velero's: PostgreSQL has its own archive, to any moment, and a
broker's volume of one hour fits no other broker's. What declares them has neither, and is backed up."""


def home(identity: Labels) -> Manifest:
    """The namespace. Its pods read every file of a volume as root: baseline, but nothing of the node."""
    made = namespace.namespace(VELERO, identity)
    for mode in ("enforce", "audit", "warn"):
        made["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] = "baseline"
    return made


def repository_key(identity: Labels, key: Remote) -> Manifest:
    """The key that volumes are encrypted with in the bucket, on top of the bucket's own."""
    meta = metadata(REPOSITORY_SECRET, VELERO, labels(identity, NAME, "recovery"))
    return secret(meta, {REPOSITORY_KEY: key})


def backup_location(identity: Labels, names: Names) -> Manifest:
    """The recovery bucket."""
    return {
        "apiVersion": "velero.io/v1",
        "kind": "BackupStorageLocation",
        "metadata": metadata(LOCATION, VELERO, labels(identity, NAME, "recovery")),
        "spec": {
            "provider": "aws",
            "default": True,
            "accessMode": "ReadWrite",
            "objectStorage": {"bucket": names.bucket("recovery"), "prefix": VELERO_BACKUPS},
            "config": {"region": names.region, "kmsKeyId": names.key_alias_arn("storage")},
        },
    }


def snapshot_location(identity: Labels, names: Names) -> Manifest:
    """Where snapshots of volumes are taken that no CSI driver made."""
    return {
        "apiVersion": "velero.io/v1",
        "kind": "VolumeSnapshotLocation",
        "metadata": metadata(LOCATION, VELERO, labels(identity, NAME, "recovery")),
        "spec": {"provider": "aws", "config": {"region": names.region}},
    }


def schedule(identity: Labels, name: str, settings: Schedule) -> Manifest:
    """Backups of objects and volumes at set times.

    Deleting it leaves its backups, which end by their own age.
    """
    return {
        "apiVersion": "velero.io/v1",
        "kind": "Schedule",
        "metadata": metadata(name, VELERO, labels(identity, NAME, "recovery")),
        "spec": {
            "schedule": settings.cron,
            "paused": False,
            "skipImmediately": False,
            "useOwnerReferencesInBackup": False,
            "template": {
                "storageLocation": LOCATION,
                "volumeSnapshotLocations": [LOCATION],
                "includedNamespaces": [PLATFORM] if settings.only_platform else ["*"],
                # What happened is no state, and would only slow a restore down.
                "excludedResources": ["events", "events.events.k8s.io"],
                "labelSelector": {
                    "matchExpressions": [{"key": key, "operator": "DoesNotExist"} for key in _ELSEWHERE]
                },
                "snapshotMoveData": True,
                "ttl": f"{settings.keep_days * 24}h0m0s",
            },
        },
    }
