"""PostgreSQL databases, schema and tables, which `workloads/migrations` creates.

Which role may do what with each is in the declarations of the workloads (`kit.contracts.declared`).
"""

from __future__ import annotations

from typing import Final, Literal

DATABASE: Final = "carbon"
SCHEMA: Final = "features"

API_AUDIT: Final = "api_audit"  # one row a call of a third-party API
COMMODITY_PRICES_DAILY: Final = "commodity_prices_daily"
MARKET_INDICATORS: Final = "market_indicators"  # forecasts and actuals of load, wind, fuels, …
PRICE_TRENDS: Final = "price_trends"
TECHNICAL_INDICATORS: Final = "technical_indicators"  # of prices: momentum, drawdown, …
ML_PREDICTIONS: Final = "ml_predictions"
PREDICTION_OUTCOMES: Final = "prediction_outcomes"  # view: each prediction beside the price that followed
ENTITLEMENTS: Final = "entitlements"  # one row a tenant: what it gets
API_KEYS: Final = "api_keys"  # credentials of programs, hashed
API_USAGE: Final = "api_usage"  # requests and rows by hour, tenant, credential and product
ACCESS_EVENTS: Final = "access_events"  # changes of keys, and what was refused to whom
FORECAST_MEMBERS: Final = "forecast_members"  # what each kind forecast for each day: weights learn from it
FORECAST_RUNS: Final = "forecast_runs"  # one row a forecast of a delivery day, or why there is none
JOB_RUNS: Final = "job_runs"  # one row a run of a scheduled job: a figure that outlives its pod
QUALITY_ALERTS: Final = "quality_alerts"  # findings, and what a person said of each
QUALITY_SCORES: Final = "quality_scores"  # view: share of rows without an alert, by source, day and rule
MODEL_EVENTS: Final = "model_events"  # promotions and roll-backs, with who or what, and why
SCENARIOS: Final = "scenarios"  # questions to /v1/curves that tenants saved

Right = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]

MLFLOW_DATABASE: Final = "mlflow"
"""Owned by the role of MLflow, which sees nothing here."""

READ: Final[tuple[Right, ...]] = ("SELECT",)
UPSERT: Final[tuple[Right, ...]] = ("SELECT", "INSERT", "UPDATE")
ADD: Final[tuple[Right, ...]] = ("INSERT",)
APPEND: Final[tuple[Right, ...]] = ("SELECT", "INSERT")
KEEP: Final[tuple[Right, ...]] = ("SELECT", "INSERT", "UPDATE", "DELETE")
