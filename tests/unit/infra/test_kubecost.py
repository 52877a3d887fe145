"""Cost by Kubecost: by which labels it is told, among whom it is shared, and who hears of a budget."""

from __future__ import annotations

from typing import Any

from infra.manifests import tenant
from infra.manifests.charts import kubecost
from infra.manifests.meta import labels
from infra.manifests.resources import cost
from infra.settings import Labels
from infra.settings.cost import KubecostSettings
from infra.settings.tenants import TenantBudget, TenantSettings

IDENTITY = Labels(environment="prod", owner="o", team="t", product="carbon", cost_center="c")
SETTINGS = TenantSettings.model_validate(
    {
        "owner": "ada",
        "team": "traders",
        "department": "markets",
        "cost_center": "c2",
        "products": ["hub"],
        "groups": {"admin": ["admins"]},
        "quota": {"cpu": "1", "memory": "1Gi", "memory_limit": "2Gi", "pods": 5, "claims": 1},
    }
)
BUDGET = TenantBudget(monthly_usd=400, emails=["owner@example.org"], percentages=[100, 50])


def values(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "kind": "kubecost",
        "teams": {"platform": {"monthly_usd": 900, "emails": ["platform@example.org"]}},
        "resources": {"cpu": "100m", "memory": "2Gi", "memory_limit": "4Gi"},
    }
    return kubecost.values(
        KubecostSettings.model_validate(given | changes),
        cluster="carbon-prod",
        tenants={"production-pilot-one": BUDGET},
        monitored=True,
    )


def test_cost_is_told_by_labels_that_objects_have() -> None:
    mapping = values()["kubecostProductConfigs"]["labelMappingConfigs"]
    ours = labels(IDENTITY, "x", "y")
    mine = ours | tenant.cost_labels("pilot-one", SETTINGS)
    assert set(mapping.values()) <= mine.keys()
    assert set(mapping) == {
        f"{word}_label" for word in ("owner", "team", "department", "product", "environment")
    }


def test_a_budget_is_a_month_of_a_tenants_namespace_or_of_a_team() -> None:
    tenants, teams = values()["kubecostProductConfigs"]["budgets"]["budgetsConfig"]
    assert tenants["values"] == {"cluster": ["carbon-prod"], "namespace": ["production-pilot-one"]}
    assert tenants["spendLimit"] == 400
    assert (tenants["budgetType"], tenants["interval"], tenants["intervalDay"]) == (
        "allocations",
        "monthly",
        1,
    )
    assert tenants["actions"] == [
        {"percentage": 50, "emails": ["owner@example.org"]},
        {"percentage": 100, "emails": ["owner@example.org"]},
    ]
    assert teams["values"] == {"cluster": ["carbon-prod"], "label": ["team:platform"]}


def test_what_works_for_all_is_shared_and_tenants_are_not() -> None:
    config = values()["kubecostProductConfigs"]
    shared = config["sharedNamespaces"].split(",")
    assert {"kube-system", "carbon-monitoring", "velero", "kubecost"} <= set(shared)
    assert "carbon" not in shared
    assert config["shareTenancyCosts"] is True
    assert config["currencyCode"] == cost.CURRENCY


def test_it_reads_the_cluster_and_changes_nothing() -> None:
    made = values()
    for part in ("clusterController", "networkCosts", "telemetry"):
        assert made[part] == {"enabled": False}, part


def test_figures_are_kept_as_long_as_the_settings_say() -> None:
    made = values(retention_days=365, database_size="200Gi", storage_class="gp3-retained")
    assert made["aggregator"]["retention1d"] == made["localStore"]["retention1d"] == 365
    assert made["aggregator"]["aggregatorDbStorage"] == {"storageRequest": "200Gi"}
    assert made["global"]["defaultStorageClass"] == "gp3-retained"
    assert made["global"]["clusterId"] == "carbon-prod"
