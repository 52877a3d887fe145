"""Everything says whose it is and what it costs whom."""

from __future__ import annotations

import copy

from policies.examples import DEPLOYMENT, LABELS
from policies.rule import POD_KINDS, ObjectRule

REQUIRED = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "owner",
    "team",
    "product",
    "env",
    "cost-center",
)

_unowned = copy.deepcopy(DEPLOYMENT)
_unowned["metadata"]["labels"] = {k: v for k, v in LABELS.items() if k != "cost-center"}
_bare = copy.deepcopy(DEPLOYMENT)
del _bare["metadata"]["labels"]

RULES = (
    ObjectRule(
        id="labels-required",
        source="Kubernetes: recommended labels; the platform's cost allocation",
        title=f"every object carries the labels {', '.join(REQUIRED)}",
        remedy="build its metadata with infra.manifests.meta, which sets them all",
        kinds=frozenset(),
        # Kubernetes makes the objects of other kinds itself in each namespace, without labels.
        enforced=POD_KINDS | {"Service", "PersistentVolumeClaim", "NetworkPolicy", "Role", "RoleBinding"},
        expression="has(object.metadata.labels) && "
        + " && ".join(f"'{label}' in object.metadata.labels" for label in REQUIRED),
        passes=(DEPLOYMENT,),
        refuses=(_unowned, _bare),
    ),
)
