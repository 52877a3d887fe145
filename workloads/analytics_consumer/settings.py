"""Settings of analytics-consumer, from the environment."""

from __future__ import annotations

from pydantic import Field

from workloads.analytics_consumer.figures import INDICATORS_SIZE
from workloads.kit.contracts.declared.analytics_consumer import ANALYTICS_CONSUMER
from workloads.kit.series import HISTORY
from workloads.kit.settings import KafkaConsumerSettings, NonEmpty, PostgresSettings, StateSettings


class AnalyticsSettings(KafkaConsumerSettings, StateSettings, PostgresSettings):
    """The group's name, how much is kept, and what the consumer loop and the database take."""

    kafka_group: NonEmpty = ANALYTICS_CONSUMER.group
    batch_max_records: int = Field(default=5_000, ge=1)
    history_sessions: int = Field(default=HISTORY, ge=INDICATORS_SIZE)
    """How many sessions late a price or correction may come and still change the windows it touches; they are
    kept in memory, 48 bytes each and series."""
