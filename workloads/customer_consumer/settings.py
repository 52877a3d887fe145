"""Settings of customer-consumer, from the environment."""

from __future__ import annotations

from pydantic import Field

from workloads.kit.contracts.declared.customer_consumer import CUSTOMER_CONSUMER
from workloads.kit.settings import KafkaConsumerSettings, MetricsDatabaseSettings, NonEmpty


class CustomerConsumerSettings(KafkaConsumerSettings, MetricsDatabaseSettings):
    """The group's name, and what the consumer loop and the database take."""

    kafka_group: NonEmpty = CUSTOMER_CONSUMER.group
    batch_max_records: int = Field(default=10_000, ge=1)
