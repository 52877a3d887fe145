"""data-quality: a member that watches prices, and one that watches indicators."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.tables import UPSERT
from workloads.kit.contracts.topics import (
    COMMODITY_PRICES,
    MARKET_INDICATORS,
    PLATFORM_AUDIT,
    QUALITY_ALERTS,
    dead_letter,
)

_ROLE: Final = "data_quality"
_TABLES: Final = {tables.QUALITY_ALERTS: UPSERT}

DATA_QUALITY: Final = Declaration(
    name="data-quality",
    about="what is wrong or strange with prices",
    kind="consumer",
    kafka=KafkaUse(
        reads=(COMMODITY_PRICES,),
        writes=(QUALITY_ALERTS, dead_letter(COMMODITY_PRICES), PLATFORM_AUDIT),
        group="data-quality",
        transactional_ids=("data-quality.",),
        quota=REBUILDS,
    ),
    role=_ROLE,
    tables=_TABLES,
    metrics=ports.METRICS,
)

DATA_QUALITY_INDICATORS: Final = Declaration(
    name="data-quality-indicators",
    about="what is wrong or strange with indicators",
    kind="consumer",
    image=DATA_QUALITY.name,
    part_of=DATA_QUALITY.section,
    kafka=KafkaUse(
        reads=(MARKET_INDICATORS,),
        writes=(QUALITY_ALERTS, dead_letter(MARKET_INDICATORS), PLATFORM_AUDIT),
        group="data-quality-indicators",
        transactional_ids=("data-quality-indicators.",),
        quota=REBUILDS,
    ),
    role=_ROLE,
    tables=_TABLES,
    metrics=ports.METRICS,
)
