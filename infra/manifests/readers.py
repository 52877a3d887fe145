"""What people and workflows may read that look at a stack and change nothing.

EKS' own policy for them (AmazonEKSViewPolicy) is Kubernetes' role `view`: built-in kinds of namespaces, no
secret. A comparison with what is there reads every object that the program declares, so the rest is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from infra.manifests.meta import Manifest, labels, metadata
from infra.settings import Labels

GROUP: Final = "carbon-readers"
"""Group of those who read, in the cluster: their access entries name it."""

RESOURCES: Final[Mapping[str, Sequence[str]]] = {
    "admissionregistration.k8s.io": (
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    ),
    "barmancloud.cnpg.io": ("objectstores",),
    "cert-manager.io": ("certificates", "clusterissuers", "issuers"),
    "elbv2.k8s.aws": ("targetgroupbindings",),
    "external-secrets.io": ("clustersecretstores", "externalsecrets", "secretstores"),
    "kafka.strimzi.io": ("kafkanodepools", "kafkarebalances", "kafkas", "kafkatopics", "kafkausers"),
    "karpenter.k8s.aws": ("ec2nodeclasses",),
    "karpenter.sh": ("nodepools",),
    "keda.sh": ("scaledobjects", "triggerauthentications"),
    "monitoring.coreos.com": ("podmonitors", "prometheusrules", "servicemonitors"),
    "policies.kyverno.io": ("validatingpolicies",),
    "postgresql.cnpg.io": ("clusters", "poolers", "scheduledbackups"),
    "rbac.authorization.k8s.io": ("clusterrolebindings", "clusterroles", "rolebindings", "roles"),
    "scheduling.k8s.io": ("priorityclasses",),
    "snapshot.storage.k8s.io": ("volumesnapshotclasses",),
    "storage.k8s.io": ("storageclasses",),
    "velero.io": ("backupstoragelocations", "schedules", "volumesnapshotlocations"),
}
"""API group → what is read of it, beside what `view` reads."""

_API: Final = "rbac.authorization.k8s.io"


def rights(identity: Labels) -> list[Manifest]:
    """A role for `RESOURCES`, and its binding to the group."""
    meta = metadata(GROUP, None, labels(identity, GROUP, "access"))
    rules = [
        {"apiGroups": [group], "resources": list(kinds), "verbs": ["get", "list", "watch"]}
        for group, kinds in RESOURCES.items()
    ]
    return [
        {"apiVersion": f"{_API}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{_API}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": _API, "kind": "ClusterRole", "name": GROUP},
            "subjects": [{"apiGroup": _API, "kind": "Group", "name": GROUP}],
        },
    ]
