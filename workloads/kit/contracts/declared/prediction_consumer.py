"""prediction-consumer: prices to predictions."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.declared.model_server import MODEL_SERVER
from workloads.kit.contracts.tables import APPEND, KEEP
from workloads.kit.contracts.topics import COMMODITY_PRICES, ML_PREDICTIONS, PLATFORM_AUDIT, dead_letter

PREDICTION_CONSUMER: Final = Declaration(
    name="prediction-consumer",
    about="prices to predictions",
    kind="consumer",
    kafka=KafkaUse(
        reads=(COMMODITY_PRICES,),
        writes=(ML_PREDICTIONS, dead_letter(COMMODITY_PRICES), PLATFORM_AUDIT),
        group="prediction-consumer",
        transactional_ids=("prediction-consumer.",),
        quota=REBUILDS,
    ),
    role="prediction_consumer",
    tables={
        tables.ML_PREDICTIONS: APPEND,
        tables.CONSUMER_OFFSETS: KEEP,
        tables.CONSUMER_SERIES: KEEP,
    },
    calls=(MODEL_SERVER.name,),
    metrics=ports.METRICS,
)
