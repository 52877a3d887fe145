"""How cost is told: by which labels, shared among whom, and against which budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra import namespaces
from infra.manifests.meta import Manifest
from infra.settings.tenants import TenantBudget
from workloads.kit.contracts.namespaces import MONITORING

CURRENCY: Final = "USD"

LABELS: Final[Mapping[str, str]] = {
    "owner_label": "owner",
    "team_label": "team",
    "department_label": "department",
    "product_label": "product",
    "environment_label": "env",
}
"""Kubecost's word for it → label of our objects."""

SHARED: Final = (
    "kube-system",
    MONITORING,
    namespaces.CERT_MANAGER,
    namespaces.CLOUDNATIVE_PG,
    namespaces.EXTERNAL_SECRETS,
    namespaces.KEDA,
    namespaces.KUBECOST,
    namespaces.KYVERNO,
    namespaces.STRIMZI,
    namespaces.VELERO,
)
"""Namespaces that work for all: their cost is shared among the others."""


def budget(
    cluster: str, name: str, settings: TenantBudget, *, namespace: str | None = None, team: str | None = None
) -> Manifest:
    """A budget of a calendar month, as Kubecost's values have it.

    Args:
        namespace, team: what it is for, one of them.
    """
    who = {"namespace": [namespace]} if namespace else {"label": [f"{LABELS['team_label']}:{team}"]}
    return {
        "name": name,
        "budgetType": "allocations",
        "interval": "monthly",
        "intervalDay": 1,
        "spendLimit": settings.monthly_usd,
        "values": {"cluster": [cluster], **who},
        "actions": [
            {"percentage": percentage, "emails": list(settings.emails)}
            for percentage in sorted(settings.percentages)
        ],
    }
