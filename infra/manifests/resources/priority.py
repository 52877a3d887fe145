"""Which pods a full cluster keeps."""

from __future__ import annotations

from typing import Final

from infra.manifests.meta import Manifest, labels, metadata
from infra.settings import Labels

OPERATORS: Final = "carbon-operators"
"""Of the cluster's operators: without them nothing is repaired."""

DATA: Final = "carbon-data"
"""Of Kafka and PostgreSQL: everything else waits for them."""

_VALUES: Final = {
    OPERATORS: (900_000, "Operators of the cluster: without them nothing is repaired."),
    DATA: (800_000, "Brokers and databases, which all workloads wait for."),
}


def classes(identity: Labels) -> list[Manifest]:
    """Priority classes above the workloads' zero and below the cluster's own (two thousand millions)."""
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": metadata(name, None, labels(identity, name, "priority")),
            "value": value,
            "globalDefault": False,
            "description": description,
        }
        for name, (value, description) in _VALUES.items()
    ]
