"""Storage and snapshot classes on EBS."""

from __future__ import annotations

from typing import Final

from infra.manifests.meta import Manifest, labels, metadata
from infra.settings import Labels

DEFAULT: Final = "gp3"
"""Its volumes go with their claims."""

RETAINED: Final = "gp3-retained"
"""Its volumes stay when their claims go: of brokers and databases."""

SNAPSHOTS: Final = "ebs"

_DRIVER: Final = "ebs.csi.aws.com"
_VELERO: Final = "velero.io/csi-volumesnapshot-class"
"""The label by which Velero finds the class to take its snapshots with."""


def classes(identity: Labels, *, key_arn: str, iops: int, throughput_mib: int) -> list[Manifest]:
    """Storage classes.

    Args:
        key_arn: of the KMS key that encrypts the volumes, or of its alias.
        iops: operations a second; gp3 has 3000 at least.
        throughput_mib: MiB a second; gp3 has 125 at least.
    """
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": metadata(
                name,
                None,
                labels(identity, name, "storage"),
                {"storageclass.kubernetes.io/is-default-class": "true"} if name == DEFAULT else None,
            ),
            "provisioner": _DRIVER,
            "parameters": {
                "type": "gp3",
                "encrypted": "true",
                "kmsKeyId": key_arn,
                "iops": str(iops),
                "throughput": str(throughput_mib),
                "csi.storage.k8s.io/fstype": "ext4",
            },
            "reclaimPolicy": policy,
            "allowVolumeExpansion": True,
            # The pod's zone decides where its volume is: the other way round, it could not be moved.
            "volumeBindingMode": "WaitForFirstConsumer",
        }
        for name, policy in ((DEFAULT, "Delete"), (RETAINED, "Retain"))
    ]


def snapshot_class(identity: Labels) -> Manifest:
    """Snapshots of volumes; they stay when their object goes, since a backup refers to them."""
    return {
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshotClass",
        "metadata": metadata(SNAPSHOTS, None, {**labels(identity, SNAPSHOTS, "storage"), _VELERO: "true"}),
        "driver": _DRIVER,
        "deletionPolicy": "Retain",
    }
