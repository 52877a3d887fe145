"""What the platform costs, and whom."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infra.settings.base import LabelValue, Memory, Quota, Resources, Section
from infra.settings.tenants import TenantBudget


class KubecostSettings(Section):
    """Kubecost: cost of each namespace, team and product, and budgets that tell when they are spent."""

    kind: Literal["kubecost"] = Field(description="How cost is told.")
    teams: dict[LabelValue, TenantBudget] = Field(
        default={}, description="Budgets of teams, by label `team`; a tenant's stands with the tenant."
    )
    retention_days: int = Field(91, ge=31, le=365, description="Days that daily cost is kept.")
    storage_class: str | None = Field(None, description="Storage class; by default the cluster's own.")
    database_size: Memory = Field("64Gi", description="Volume of the aggregated cost.")
    metrics_size: Memory = Field("32Gi", description="Volume of the collected metrics.")
    resources: Resources = Field(description="Resources of the aggregator.")
    quota: Quota = Field(
        default=Quota(cpu="4", memory="12Gi", memory_limit="24Gi", pods=20, claims=6),
        description="Quota of its namespace.",
    )
    store: Resources = Field(
        default=Resources(cpu="100m", memory="512Mi", cpu_limit="1", memory_limit="2Gi"),
        description="Resources of the store of collected metrics.",
    )
