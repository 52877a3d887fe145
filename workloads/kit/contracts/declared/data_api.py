"""data-api: what the platform knows, over HTTP."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, Reach
from workloads.kit.contracts.tables import READ

DATA_API: Final = Declaration(
    name="data-api",
    about="prices, aggregates and predictions, as of any instant",
    kind="server",
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
