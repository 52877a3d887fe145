"""indicator-consumer: forecasts and actuals of zones to the feature store."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, KafkaUse
from workloads.kit.contracts.tables import UPSERT
from workloads.kit.contracts.topics import MARKET_INDICATORS, PLATFORM_AUDIT, dead_letter

INDICATOR_CONSUMER: Final = Declaration(
    name="indicator-consumer",
    about="forecasts and actuals of zones to the feature store",
    kind="consumer",
    kafka=KafkaUse(
        reads=(MARKET_INDICATORS,),
        writes=(dead_letter(MARKET_INDICATORS), PLATFORM_AUDIT),
        group="indicator-consumer",
        transactional_ids=("indicator-consumer.",),
    ),
    role="indicator_consumer",
    tables={tables.MARKET_INDICATORS: UPSERT},
    metrics=ports.METRICS,
)
