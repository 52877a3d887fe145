"""Settings of indicator-consumer, from the environment."""

from __future__ import annotations

from pydantic import Field

from workloads.kit.contracts.declared.indicator_consumer import INDICATOR_CONSUMER
from workloads.kit.settings import KafkaConsumerSettings, NonEmpty, PostgresSettings


class IndicatorSettings(KafkaConsumerSettings, PostgresSettings):
    """The group's name, and what the consumer loop and the database take."""

    kafka_group: NonEmpty = INDICATOR_CONSUMER.group
    batch_max_records: int = Field(default=5_000, ge=1)
