"""PostgreSQL schema, tables, and which workload's role may do what with each.

`workloads/migrations` creates them; a grant that is not here does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

DATABASE: Final = "carbon"
SCHEMA: Final = "features"

COMMODITY_PRICES_DAILY: Final = "commodity_prices_daily"
PRICE_TRENDS: Final = "price_trends"
MARKET_INDICATORS: Final = "market_indicators"
ML_PREDICTIONS: Final = "ml_predictions"
PREDICTION_OUTCOMES: Final = "prediction_outcomes"  # view: each prediction beside the price that followed
JOB_RUNS: Final = "job_runs"  # one row a run of a scheduled job: a figure that outlives its pod
MODEL_EVENTS: Final = "model_events"  # promotions and roll-backs, with who or what, and why

Right = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]

ROLES: Final[tuple[str, ...]] = (
    "price_pipeline",
    "analytics_consumer",
    "prediction_consumer",
    "model_training",
    "model_server",
    "postgres_exporter",
    "mlflow",
)
"""Login roles, one a workload. `mlflow` owns a database of its own and sees nothing here."""

MLFLOW_DATABASE: Final = "mlflow"

_READ: Final[tuple[Right, ...]] = ("SELECT",)
_UPSERT: Final[tuple[Right, ...]] = ("SELECT", "INSERT", "UPDATE")
_APPEND: Final[tuple[Right, ...]] = ("SELECT", "INSERT")

GRANTS: Final[Mapping[str, Mapping[str, tuple[Right, ...]]]] = {
    "price_pipeline": {JOB_RUNS: _UPSERT},
    "analytics_consumer": {
        COMMODITY_PRICES_DAILY: _UPSERT,
        PRICE_TRENDS: _UPSERT,
        MARKET_INDICATORS: _UPSERT,
    },
    "prediction_consumer": {ML_PREDICTIONS: _UPSERT},
    "model_training": {
        COMMODITY_PRICES_DAILY: _READ,
        ML_PREDICTIONS: _READ,
        PREDICTION_OUTCOMES: _READ,
        JOB_RUNS: _UPSERT,
        MODEL_EVENTS: _APPEND,
    },
    "model_server": {
        COMMODITY_PRICES_DAILY: _READ,
        PREDICTION_OUTCOMES: _READ,
    },
    "postgres_exporter": {
        COMMODITY_PRICES_DAILY: _READ,
        ML_PREDICTIONS: _READ,
        PREDICTION_OUTCOMES: _READ,
        JOB_RUNS: _READ,
        MODEL_EVENTS: _READ,
    },
}
"""role -> table -> rights, within `SCHEMA`."""
