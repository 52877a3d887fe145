"""PostgreSQL databases, schema and tables, which `workloads/migrations` creates.

Which role may do what with each is in the declarations of the workloads (`kit.contracts.declared`).
"""

from __future__ import annotations

from typing import Final, Literal, get_args

DATABASE: Final = "carbon"
SCHEMA: Final = "features"

API_AUDIT: Final = "api_audit"  # one row a call of a third-party API
CONSUMER_OFFSETS: Final = "consumer_offsets"  # up to where the topic made what consumer_series has
CONSUMER_SERIES: Final = "consumer_series"  # what a consumer keeps of each series, so that a restart is short
COMMODITY_PRICES_DAILY: Final = "commodity_prices_daily"
MARKET_INDICATORS: Final = "market_indicators"  # forecasts and actuals of load, wind, fuels, …
PRICE_TRENDS: Final = "price_trends"  # of sessions, for people who ask by SQL: no model reads it
TECHNICAL_INDICATORS: Final = "technical_indicators"  # momentum, drawdown, …: likewise
ML_PREDICTIONS: Final = "ml_predictions"
PREDICTION_OUTCOMES: Final = "prediction_outcomes"  # view: each prediction beside the price that followed
ENTITLEMENTS: Final = "entitlements"  # one row a tenant: what it gets
API_KEYS: Final = "api_keys"  # credentials of programs, hashed
API_USAGE: Final = "api_usage"  # requests and rows by hour, tenant, credential and product
ACCESS_EVENTS: Final = "access_events"  # changes of keys, and what was refused to whom
DOWNLOAD_JOBS: Final = "download_jobs"  # one row a file that a tenant asked for, and how far it is
FORECAST_MEMBERS: Final = "forecast_members"  # what each kind forecast for each day: weights learn from it
FORECAST_RUNS: Final = "forecast_runs"  # one row a forecast of a delivery day, or why there is none
JOB_RUNS: Final = "job_runs"  # one row a run of a scheduled job: a figure that outlives its pod
QUALITY_ALERTS: Final = "quality_alerts"  # findings, and what a person said of each
QUALITY_SCORES: Final = "quality_scores"  # view: share of rows without an alert, by source, day and rule
MODEL_EVENTS: Final = "model_events"  # promotions and roll-backs, with who or what, and why
SCENARIOS: Final = "scenarios"  # questions to /v1/curves that tenants saved

BY_MONTH: Final = frozenset(
    {COMMODITY_PRICES_DAILY, MARKET_INDICATORS, PRICE_TRENDS, TECHNICAL_INDICATORS, ML_PREDICTIONS}
)
"""Tables that are partitioned by month: those with rows for every delivery period."""
RECORDS: Final = frozenset({API_AUDIT, ACCESS_EVENTS})
"""Tables of what happened, a row each, at the instant `at`: they grow with every call."""

CUSTOMER_EVENTS: Final = "customer_events"  # each event once, with when it came
CUSTOMER_HOURS: Final = "customer_hours"  # events and amounts by customer, hour and kind
CUSTOMER_KPIS: Final = "customer_kpis"  # figures over all customers, as of an hour
CUSTOMER_SCORES: Final = "customer_scores"  # one row a customer, figure and instant, with why
CUSTOMER_COHORTS: Final = "customer_cohorts"  # who stayed, by month of the first event
CUSTOMER_MODELS: Final = "customer_models"  # what was fitted or refused, with its calibration
CUSTOMERS_NOW: Final = "customers_now"  # view: what each customer did in the last day, and its newest figures

Right = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]

MLFLOW_DATABASE: Final = "mlflow"
"""Owned by the role of MLflow, which sees nothing here."""

SUPERSET_DATABASE: Final = "superset"
"""What Superset keeps of itself: dashboards, people, roles. Owned by its role."""

KEYCLOAK_DATABASE: Final = "keycloak"
"""What Keycloak keeps: people, sessions, keys. Owned by its role."""

METRICS_DATABASE: Final = "metrics_db"
"""What customers did and what follows from it. Its tables are in a schema of the same name: behind a pooler
the server says where names are looked for, of all its databases alike."""

OF_METRICS: Final = frozenset(
    {
        CUSTOMER_EVENTS,
        CUSTOMER_HOURS,
        CUSTOMER_KPIS,
        CUSTOMER_SCORES,
        CUSTOMER_COHORTS,
        CUSTOMER_MODELS,
        CUSTOMERS_NOW,
    }
)
"""Tables of `METRICS_DATABASE`; all others are of `DATABASE`."""

WAREHOUSE_DATABASE: Final = "warehouse"
"""What legacy systems hold, in layers, a schema each."""

Layer = Literal["etl", "raw", "cleaned", "analytics", "lake"]
"""Schemas of `WAREHOUSE_DATABASE`: `etl` has the loads and what is known of the sources, `raw` the rows as
they came, `cleaned` typed and conformed ones, `analytics` the marts, `lake` the catalogue of the Iceberg
tables."""
LAYERS: Final[tuple[Layer, ...]] = get_args(Layer)

LayerUse = Literal["own", "read", "write"]
"""What a role may do with a layer: `own` makes and drops its tables, `write` changes their rows."""

READ: Final[tuple[Right, ...]] = ("SELECT",)
UPSERT: Final[tuple[Right, ...]] = ("SELECT", "INSERT", "UPDATE")
CHANGE: Final[tuple[Right, ...]] = ("SELECT", "UPDATE")
ADD: Final[tuple[Right, ...]] = ("INSERT",)
APPEND: Final[tuple[Right, ...]] = ("SELECT", "INSERT")
KEEP: Final[tuple[Right, ...]] = ("SELECT", "INSERT", "UPDATE", "DELETE")
