"""Settings of data-quality, from the environment."""

from __future__ import annotations

from pydantic import Field

from workloads.kit.contracts.declared.data_quality import DATA_QUALITY, DATA_QUALITY_INDICATORS
from workloads.kit.settings import KafkaConsumerSettings, NonEmpty, PostgresSettings


class QualitySettings(KafkaConsumerSettings, PostgresSettings):
    """What both have: how much of the past is read again, and how often the clock is looked at."""

    batch_max_records: int = Field(default=5_000, ge=1)
    restore_max_records: int | None = Field(default=200_000, ge=0)
    """Of each partition: what is usual is that of the last two months, of hundreds of series."""
    clock_seconds: float = Field(default=30.0, gt=0)
    """How often it is looked for series that are overdue."""


class PriceQualitySettings(QualitySettings):
    """Of the member that watches prices."""

    kafka_group: NonEmpty = DATA_QUALITY.group


class IndicatorQualitySettings(QualitySettings):
    """Of the member that watches indicators."""

    kafka_group: NonEmpty = DATA_QUALITY_INDICATORS.group
