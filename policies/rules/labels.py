"""Everything says whose it is and what it costs whom."""

from __future__ import annotations

import copy

from policies.examples import DEPLOYMENT, LABELS
from policies.rule import Rule

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

RULES = (
    Rule(
        id="labels-required",
        severity="mandatory",
        source="Kubernetes: recommended labels; the platform's cost allocation",
        title=f"every object carries the labels {', '.join(REQUIRED)}",
        remedy="build its metadata with infra.manifests.meta, which sets them all",
        kinds=frozenset(),
        expression="has(object.metadata.labels) && "
        + " && ".join(f"'{label}' in object.metadata.labels" for label in REQUIRED),
        passes=DEPLOYMENT,
        refuses=_unowned,
    ),
)
