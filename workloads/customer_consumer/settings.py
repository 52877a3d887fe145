"""Settings of customer-consumer, from the environment."""

from __future__ import annotations

from pydantic import Field

from workloads.kit.contracts import tables
from workloads.kit.contracts.declared.customer_consumer import CUSTOMER_CONSUMER
from workloads.kit.settings import KafkaConsumerSettings, NonEmpty, PostgresSettings


class CustomerConsumerSettings(KafkaConsumerSettings, PostgresSettings):
    """The group's name, and what the consumer loop and the database take."""

    kafka_group: NonEmpty = CUSTOMER_CONSUMER.group
    batch_max_records: int = Field(default=10_000, ge=1)
    metrics_database: NonEmpty = tables.METRICS_DATABASE
    """Beside the workloads' own, on the same server."""

    @property
    def of_metrics(self) -> PostgresSettings:
        """How the database of customers' figures is reached."""
        return self.model_copy(update={"postgres_database": self.metrics_database})
