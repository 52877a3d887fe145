"""data-api: what the platform knows, over HTTP."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, KafkaUse, Reach
from workloads.kit.contracts.tables import READ
from workloads.kit.contracts.topics import COMMODITY_PRICES, ML_PREDICTIONS

DATA_API: Final = Declaration(
    name="data-api",
    about="prices, aggregates and predictions, as of any instant",
    kind="server",
    kafka=KafkaUse(reads=(COMMODITY_PRICES, ML_PREDICTIONS)),
    role="data_api",
    tables={
        tables.COMMODITY_PRICES_DAILY: READ,
        tables.MARKET_INDICATORS: READ,
        tables.ML_PREDICTIONS: READ,
        tables.PREDICTION_OUTCOMES: READ,
    },
    port=ports.DATA_API,
    metrics=ports.DATA_API,
    public=True,
    reach=Reach(scheme="http", about="prices and predictions as data", slot=8),
)
