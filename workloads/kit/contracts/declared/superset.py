"""superset: dashboards over what the platform knows; and the job that makes them from their definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, Reach
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.tables import READ, Layer, LayerUse

READER: Final = "dashboards"
"""Role that charts' queries log in as: it reads the tables below and writes nothing anywhere."""

SECRET_KEY, GUEST_KEY, ADMIN_PASSWORD = "secret-key", "guest-token-key", "admin-password"
"""What signs sessions, what signs guests' tokens, and the password of the one first person."""

ADMIN, ANALYSTS = "Admin", "Analysts"
"""Superset's own role of who may do everything, and that of who sees all shared dashboards."""


def tenant_role(name: str) -> str:
    """Superset's role of a tenant's people."""
    return f"Tenant {name}"


_SECRETS: Final = (SECRET_KEY, GUEST_KEY, ADMIN_PASSWORD)

_LAYERS: Final[Mapping[Layer, LayerUse]] = {"etl": "read", "analytics": "read"}

SUPERSET: Final = Declaration(
    name="superset",
    about="dashboards of customers, markets and tenants",
    kind="server",
    third_party=True,
    role="superset",
    secrets=_SECRETS,
    calls=(KEYCLOAK.name,),
    port=ports.SUPERSET,
    reach=Reach(scheme="http", about="dashboards", slot=13),
)

SUPERSET_PREPARE: Final = Declaration(
    name="superset-prepare",
    about="brings Superset's records and dashboards to what is declared",
    kind="job",
    image=SUPERSET.name,
    third_party=True,
    part_of=SUPERSET.section,
    role=READER,
    tables={
        tables.API_AUDIT: READ,
        tables.API_USAGE: READ,
        tables.COMMODITY_PRICES_DAILY: READ,
        tables.CUSTOMER_COHORTS: READ,
        tables.CUSTOMER_EVENTS: READ,
        tables.CUSTOMER_HOURS: READ,
        tables.CUSTOMER_KPIS: READ,
        tables.CUSTOMER_MODELS: READ,
        tables.CUSTOMER_SCORES: READ,
        tables.CUSTOMERS_NOW: READ,
        tables.FORECAST_RUNS: READ,
        tables.JOB_RUNS: READ,
        tables.ML_PREDICTIONS: READ,
        tables.PREDICTION_OUTCOMES: READ,
        tables.QUALITY_ALERTS: READ,
        tables.QUALITY_SCORES: READ,
    },
    layers=_LAYERS,
    secrets=_SECRETS,
)

SUPERSET_REPORT: Final = Declaration(
    name="superset-report",
    about="sends the large figures of dashboards to a channel of Slack",
    kind="job",
    image=SUPERSET.name,
    third_party=True,
    part_of=f"{SUPERSET.section}.reports",
    role=READER,
    calls=(EGRESS_PROXY.name,),
)
