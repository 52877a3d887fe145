"""forecast-run: the maker of forecasts of whole delivery days."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.declared.model_training import MODEL_TRAINING
from workloads.kit.contracts.tables import APPEND, READ, UPSERT
from workloads.kit.contracts.topics import ML_PREDICTIONS

FORECAST_ID: Final = "forecast-run"
"""Transactional id: of two runs at once, the later fences the earlier off."""

FORECAST_RUN: Final = Declaration(
    name="forecast-run",
    about="forecasts every period of the next delivery day before the gate closes",
    kind="job",
    image=MODEL_TRAINING.name,
    kafka=KafkaUse(
        # What it finds there after a run broke off, it does not send again.
        reads=(ML_PREDICTIONS,),
        writes=(ML_PREDICTIONS,),
        transactional_ids=(FORECAST_ID,),
        quota=REBUILDS,
    ),
    role="forecast_run",
    tables={
        tables.COMMODITY_PRICES_DAILY: READ,
        tables.MARKET_INDICATORS: READ,
        tables.PREDICTION_OUTCOMES: READ,
        tables.ML_PREDICTIONS: APPEND,
        tables.FORECAST_MEMBERS: APPEND,
        tables.FORECAST_RUNS: UPSERT,
        tables.JOB_RUNS: UPSERT,
        tables.MODEL_EVENTS: APPEND,
    },
)
