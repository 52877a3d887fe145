"""data-api: what the platform knows, over HTTP."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, KafkaUse, Reach
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.declared.services import OBJECT_STORE, REDIS
from workloads.kit.contracts.tables import APPEND, CHANGE, KEEP, READ, UPSERT
from workloads.kit.contracts.topics import (
    COMMODITY_PRICES,
    CUSTOMER_EVENTS,
    ML_PREDICTIONS,
    PLATFORM_AUDIT,
)

KEYS_ID: Final = "data-api-keys"
"""Transactional id of changes of keys, which are recorded."""

REVIEWS_ID: Final = "data-api-reviews."
"""Start of the transactional ids of what is said of alerts, one a process."""

DATA_API: Final = Declaration(
    name="data-api",
    about="prices, aggregates and predictions, as of any instant",
    kind="server",
    kafka=KafkaUse(
        # Of the stream, without a group.
        reads=(COMMODITY_PRICES, ML_PREDICTIONS),
        writes=(CUSTOMER_EVENTS, PLATFORM_AUDIT),
        transactional_ids=(KEYS_ID, REVIEWS_ID),
    ),
    role="data_api",
    tables={
        tables.ACCESS_EVENTS: APPEND,
        # Its operators make keys from within it: see docs/access.md.
        tables.API_KEYS: UPSERT,
        tables.API_USAGE: UPSERT,
        tables.COMMODITY_PRICES_DAILY: READ,
        # Of its tenants, each its own.
        tables.DOWNLOAD_JOBS: KEEP,
        tables.ENTITLEMENTS: READ,
        tables.MARKET_INDICATORS: READ,
        tables.ML_PREDICTIONS: READ,
        tables.PREDICTION_OUTCOMES: READ,
        # What is said of an alert.
        tables.QUALITY_ALERTS: CHANGE,
        # As the jobs: of its tenants, each its own.
        tables.SCENARIOS: KEEP,
    },
    # What a tenant may ask for is counted there for all pods; files that were made are given out.
    calls=(REDIS.name, OBJECT_STORE.name, KEYCLOAK.name),
    port=ports.DATA_API,
    metrics=ports.DATA_API,
    public=True,
    reach=Reach(scheme="http", about="prices and predictions as data", slot=8),
)

DOWNLOAD_WORKER: Final = Declaration(
    name="download-worker",
    about="large downloads as files, in the order in which they were asked for",
    kind="producer",
    image=DATA_API.name,
    # The tenant's own rows alone, as in data-api: row security knows this role.
    role=DATA_API.role,
    tables={
        tables.ACCESS_EVENTS: APPEND,
        tables.API_USAGE: UPSERT,
        tables.COMMODITY_PRICES_DAILY: READ,
        tables.DOWNLOAD_JOBS: KEEP,
        tables.ENTITLEMENTS: READ,
        tables.MARKET_INDICATORS: READ,
        tables.ML_PREDICTIONS: READ,
        tables.PREDICTION_OUTCOMES: READ,
    },
    calls=(REDIS.name, OBJECT_STORE.name),
    metrics=ports.METRICS,
)
