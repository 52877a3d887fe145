"""model-server: predictions over HTTP."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, Reach
from workloads.kit.contracts.declared.services import MLFLOW, REDIS
from workloads.kit.contracts.tables import READ

MODEL_SERVER: Final = Declaration(
    name="model-server",
    about="predictions, each with its interval and skill",
    kind="server",
    role="model_server",
    tables={
        tables.COMMODITY_PRICES_DAILY: READ,
        tables.ML_PREDICTIONS: READ,
        tables.FORECAST_RUNS: READ,
        tables.PREDICTION_OUTCOMES: READ,
    },
    calls=(MLFLOW.name, REDIS.name),
    port=ports.MODEL_SERVER,
    metrics=ports.MODEL_SERVER,
    public=True,
    reach=Reach(scheme="http", about="predictions", slot=0),
)
