"""analytics-consumer: prices to windows and the feature store."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.tables import KEEP, UPSERT
from workloads.kit.contracts.topics import COMMODITY_ANALYTICS, COMMODITY_PRICES, PLATFORM_AUDIT, dead_letter

ANALYTICS_CONSUMER: Final = Declaration(
    name="analytics-consumer",
    about="prices to windows and the feature store",
    kind="consumer",
    kafka=KafkaUse(
        reads=(COMMODITY_PRICES,),
        writes=(COMMODITY_ANALYTICS, dead_letter(COMMODITY_PRICES), PLATFORM_AUDIT),
        group="analytics-consumer",
        transactional_ids=("analytics-consumer.",),
        quota=REBUILDS,
    ),
    role="analytics_consumer",
    tables={
        tables.COMMODITY_PRICES_DAILY: UPSERT,
        tables.PRICE_TRENDS: UPSERT,
        tables.TECHNICAL_INDICATORS: UPSERT,
        tables.CONSUMER_OFFSETS: KEEP,
        tables.CONSUMER_SERIES: KEEP,
    },
    metrics=ports.METRICS,
)
