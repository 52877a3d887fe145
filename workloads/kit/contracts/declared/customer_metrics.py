"""customer-metrics: two jobs that say what customers' doings amount to, and an import of what they did."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.tables import READ, UPSERT
from workloads.kit.contracts.topics import CUSTOMER_EVENTS

CUSTOMER_IMPORT_ID: Final = "customer-import"
"""Transactional id: of two imports at once, the later fences the earlier off."""

_ROLE: Final = "customer_metrics"
_TABLES: Final = {
    tables.JOB_RUNS: UPSERT,
    tables.CUSTOMER_EVENTS: READ,
    tables.CUSTOMER_HOURS: READ,
    tables.CUSTOMERS_NOW: READ,
    tables.CUSTOMER_KPIS: UPSERT,
    tables.CUSTOMER_SCORES: UPSERT,
    tables.CUSTOMER_COHORTS: UPSERT,
    tables.CUSTOMER_MODELS: UPSERT,
}

CUSTOMER_METRICS: Final = Declaration(
    name="customer-metrics",
    about="engagement and figures of the platform's use, every hour",
    kind="job",
    # A person imports from within it: see docs/customers.md.
    kafka=KafkaUse(writes=(CUSTOMER_EVENTS,), transactional_ids=(CUSTOMER_IMPORT_ID,), quota=REBUILDS),
    role=_ROLE,
    tables=_TABLES,
)

CUSTOMER_DAILY: Final = Declaration(
    name="customer-daily",
    about="segments, churn, lifetime value and cohorts, every day",
    kind="job",
    image=CUSTOMER_METRICS.name,
    part_of=CUSTOMER_METRICS.section,
    role=_ROLE,
    tables=_TABLES,
)
