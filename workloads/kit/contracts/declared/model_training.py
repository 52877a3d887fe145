"""model-training and model-monitor: the makers and the watchers of models."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.services import MLFLOW
from workloads.kit.contracts.tables import APPEND, READ, UPSERT

MODEL_TRAINING: Final = Declaration(
    name="model-training",
    about="trains, judges and registers models",
    kind="job",
    role="model_training",
    tables={
        tables.COMMODITY_PRICES_DAILY: READ,
        tables.ML_PREDICTIONS: READ,
        tables.PREDICTION_OUTCOMES: READ,
        tables.JOB_RUNS: UPSERT,
        tables.MODEL_EVENTS: APPEND,
    },
    calls=(MLFLOW.name,),
)

MODEL_MONITOR: Final = Declaration(
    name="model-monitor",
    about="rolls back champions that have lost their skill",
    kind="job",
    image=MODEL_TRAINING.name,
    part_of=MODEL_TRAINING.section,
    role=MODEL_TRAINING.role,
    calls=(MLFLOW.name,),
)
