"""What a rule is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Object = Mapping[str, Any]
"""A Kubernetes object as the API server takes it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that one Kubernetes object decides, as one CEL expression.

    Attributes:
        id: kebab-case, unique.
        severity: `mandatory` stops an update, `advisory` is reported.
        source: the standard that it follows.
        title: what must hold.
        remedy: what to do when it does not.
        kinds: the kinds of objects it looks at; empty for all.
        expression: CEL over `object` and `variables` (see `policies.cel.VARIABLES`), true when it holds.
        refuses: the smallest change that breaks it, laid over `passes`.
        passes: an object that it lets through.
    """

    id: str
    severity: Literal["mandatory", "advisory"]
    source: str
    title: str
    remedy: str
    kinds: frozenset[str]
    expression: str
    passes: Object
    refuses: Object

    def covers(self, kind: str) -> bool:
        """Whether the rule looks at objects of this kind."""
        return not self.kinds or kind in self.kinds


POD_KINDS = frozenset({"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"})
"""The kinds that hold a pod's specification."""
