"""Kafka topics: the names users know, and how each is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

COMMODITY_PRICES: Final = "commodity-prices"
MARKET_INDICATORS: Final = "market-indicators"
COMMODITY_ANALYTICS: Final = "commodity-analytics"
ML_PREDICTIONS: Final = "ml-predictions"
API_EVENTS: Final = "api-events"
CUSTOMER_EVENTS: Final = "customer-events"
PLATFORM_AUDIT: Final = "platform-audit"
QUALITY_ALERTS: Final = "quality-alerts"
WAREHOUSE_STAGING: Final = "warehouse-staging"
WAREHOUSE_CHANGES: Final = "warehouse-changes"
"""What the logs of legacy databases say, in their order."""
CONNECT_CONFIGS: Final = "warehouse-connect-configs"
CONNECT_OFFSETS: Final = "warehouse-connect-offsets"
CONNECT_STATUS: Final = "warehouse-connect-status"
CONNECT_HISTORY: Final = "warehouse-connect-history"
CONNECT_HEARTBEATS: Final = "warehouse-connect-heartbeats"
"""What Kafka Connect keeps of itself: connectors, how far each is, how each does, what tables were like,
and signs of life, with which a connector's place moves on while nothing changes."""


def dead_letter(topic: str) -> str:
    """Name of the dead-letter topic that belongs to `topic`."""
    return f"{topic}.dlq"


@dataclass(frozen=True, slots=True)
class Topic:
    """A declared topic. `retention_ms` of -1 keeps messages for ever; of one that is `compact`, the newest
    of each key is kept."""

    name: str
    partitions: int
    retention_ms: int
    compact: bool = False

    @property
    def cleanup(self) -> str:
        """Its `cleanup.policy`."""
        return "compact" if self.compact else "delete"


_HOUR_MS: Final = 3600 * 1000
_WEEK_MS: Final = 7 * 24 * 3600 * 1000
_MONTH_MS: Final = 30 * 24 * 3600 * 1000

# `commodity-prices` and `market-indicators` are the record of what was published: consumers rebuild their
# state and the pipeline decides what is new from them: they are kept unless a stack's settings say otherwise.
DECLARED: Final[tuple[Topic, ...]] = (
    Topic(COMMODITY_PRICES, partitions=6, retention_ms=-1),
    Topic(MARKET_INDICATORS, partitions=6, retention_ms=-1),
    Topic(COMMODITY_ANALYTICS, partitions=6, retention_ms=_MONTH_MS),
    Topic(ML_PREDICTIONS, partitions=6, retention_ms=_MONTH_MS),
    Topic(dead_letter(COMMODITY_PRICES), partitions=3, retention_ms=-1),
    Topic(dead_letter(MARKET_INDICATORS), partitions=3, retention_ms=-1),
    Topic("incoming-data", partitions=3, retention_ms=_WEEK_MS),
    Topic(QUALITY_ALERTS, partitions=3, retention_ms=_MONTH_MS),
    Topic(CUSTOMER_EVENTS, partitions=3, retention_ms=_WEEK_MS),
    Topic(dead_letter(CUSTOMER_EVENTS), partitions=3, retention_ms=-1),
    Topic(WAREHOUSE_STAGING, partitions=3, retention_ms=_WEEK_MS),
    Topic(dead_letter(WAREHOUSE_STAGING), partitions=3, retention_ms=-1),
    # One partition: places in a log are told by the order of the topic.
    Topic(WAREHOUSE_CHANGES, partitions=1, retention_ms=_WEEK_MS),
    Topic(CONNECT_CONFIGS, partitions=1, retention_ms=-1, compact=True),
    Topic(CONNECT_OFFSETS, partitions=1, retention_ms=-1, compact=True),
    Topic(CONNECT_STATUS, partitions=1, retention_ms=-1, compact=True),
    Topic(CONNECT_HISTORY, partitions=1, retention_ms=-1),
    Topic(CONNECT_HEARTBEATS, partitions=1, retention_ms=_HOUR_MS),
    Topic(API_EVENTS, partitions=3, retention_ms=_WEEK_MS),
    Topic(PLATFORM_AUDIT, partitions=3, retention_ms=-1),
)
