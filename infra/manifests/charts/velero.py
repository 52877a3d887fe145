"""Values of Velero's chart."""

from __future__ import annotations

from typing import Final

from infra.manifests import pods
from infra.manifests.meta import Manifest
from infra.manifests.resources import priority
from infra.manifests.resources.velero import LOCATION
from infra.namespaces import VELERO_ACCOUNT
from infra.settings.recovery import VeleroSettings

PLUGIN: Final = "docker.io/velero/velero-plugin-for-aws:v1.14.3"
"""What knows S3 and EBS; releases go with Velero's (1.14 with 1.18)."""

_USER: Final = 65532
_CONTAINER: Final = pods.container_security(non_root=False)


def values(settings: VeleroSettings, *, monitored: bool) -> Manifest:
    """Values. Locations and schedules are objects of our own, which the API server checks before an update.

    Volumes are moved by pods that Velero starts for each: the agent itself touches no disk of its node.
    """
    return {
        "configuration": {
            "features": "EnableCSI",
            "defaultSnapshotMoveData": True,
            "uploaderType": "kopia",
            "defaultBackupStorageLocation": LOCATION,
            "defaultVolumeSnapshotLocations": f"aws:{LOCATION}",
            "logFormat": "json",
            # It keeps what it knows of its repositories at home, which is read-only in the image.
            "extraEnvVars": [{"name": "HOME", "value": "/scratch"}],
        },
        "backupsEnabled": False,
        "snapshotsEnabled": False,
        "deployNodeAgent": True,
        # EKS gives the account its rights; there is no key.
        "credentials": {"useSecret": False},
        "serviceAccount": {"server": {"create": True, "name": VELERO_ACCOUNT.name}},
        "initContainers": [
            {
                "name": "velero-plugin-for-aws",
                "image": PLUGIN,
                "volumeMounts": [{"mountPath": "/target", "name": "plugins"}],
                "resources": pods.resources(settings.resources),
                "securityContext": _CONTAINER,
            }
        ],
        "podSecurityContext": pods.pod_security(runAsUser=_USER, fsGroup=_USER),
        "containerSecurityContext": _CONTAINER,
        "resources": pods.resources(settings.resources),
        "upgradeJobResources": pods.resources(settings.resources),
        "priorityClassName": priority.OPERATORS,
        "nodeAgent": {
            "disableHostPath": True,
            "resources": pods.resources(settings.node_agent),
            # Every file of a volume is read, whoever owns it.
            "podSecurityContext": {"runAsUser": 0},
            "containerSecurityContext": {
                "allowPrivilegeEscalation": False,
                "seccompProfile": pods.SECCOMP,
            },
            # Backups must reach the volumes of dedicated nodes, too.
            "tolerations": [{"operator": "Exists"}],
        },
        "metrics": {
            "enabled": True,
            "podAnnotations": {},
            "serviceMonitor": {"enabled": monitored, "autodetect": False},
            "nodeAgentPodMonitor": {"enabled": monitored, "autodetect": False},
        },
    }
