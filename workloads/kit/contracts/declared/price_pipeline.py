"""price-pipeline and price-replay: the writers of prices and indicators."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.tables import UPSERT
from workloads.kit.contracts.topics import (
    COMMODITY_PRICES,
    MARKET_INDICATORS,
    PLATFORM_AUDIT,
    dead_letter,
)

PIPELINE_ID: Final = "price-pipeline"
REPLAY_ID: Final = "price-replay"
INJECT_ID: Final = "price-inject"
LETTERS_ID: Final = "price-letters"
"""Transactional ids; of those two are of what is done by hand: a price given, from either, and dead letters
sent again."""

_TOPICS: Final = (COMMODITY_PRICES, dead_letter(COMMODITY_PRICES))
_INDICATORS: Final = (MARKET_INDICATORS, dead_letter(MARKET_INDICATORS))
"""What is new at a source is decided from all that was published and refused before: both are read, too."""

PRICE_PIPELINE: Final = Declaration(
    name="price-pipeline",
    about="publishes what is new at the sources: prices and indicators",
    kind="job",
    kafka=KafkaUse(
        # Who sent a dead letter again is recorded, and looked up.
        reads=(*_TOPICS, *_INDICATORS, PLATFORM_AUDIT),
        writes=(*_TOPICS, *_INDICATORS, PLATFORM_AUDIT),
        transactional_ids=(PIPELINE_ID, INJECT_ID, LETTERS_ID),
        quota=REBUILDS,
    ),
    role="price_pipeline",
    tables={tables.JOB_RUNS: UPSERT},
    # Weather, as one of its sources; other hosts by name.
    calls=(API_INTEGRATION.name, EGRESS_PROXY.name),
)

PRICE_REPLAY: Final = Declaration(
    name="price-replay",
    about="publishes the withheld prices as if they happened now",
    kind="producer",
    image=PRICE_PIPELINE.name,
    part_of=f"{PRICE_PIPELINE.section}.replay",
    kafka=KafkaUse(reads=_TOPICS, writes=_TOPICS, transactional_ids=(REPLAY_ID, INJECT_ID), quota=REBUILDS),
    metrics=ports.METRICS,
)
