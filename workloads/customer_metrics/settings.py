"""Settings of customer-metrics, from the environment."""

from __future__ import annotations

from pydantic import Field

from workloads.kit.settings import KafkaSettings, MetricsDatabaseSettings, NonEmpty


class ImportSettings(KafkaSettings):
    """Where what is imported is published."""


class MetricsSettings(MetricsDatabaseSettings):
    """What figures are made of, and when there is enough for them. Times are days."""

    engagement_half_life_days: float = Field(default=7.0, gt=0)
    """After so long an event counts half."""
    engagement_days: int = Field(default=56, ge=1)
    engagement_full: float = Field(default=50.0, gt=0)
    """Points at which the score is 63 of 100."""

    rfm_days: int = Field(default=365, ge=28)
    """How far back segments look."""

    churn_min_customers: int = Field(default=200, ge=20)
    churn_min_gone: int = Field(default=20, ge=5)
    """Of each of the three parts of the split: customers, and those of them who left."""
    churn_cutoffs: int = Field(default=4, ge=1, le=24)
    """Instants, a month apart, that the model is fitted on at most."""

    value_currency: NonEmpty = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    value_weeks: int = Field(default=52, ge=1, le=520)
    """How far ahead a customer's value looks."""
    value_discount_year: float = Field(default=0.1, ge=0, lt=1)
    """What a purchase a year ahead is worth less."""
    value_min_customers: int = Field(default=100, ge=20)
    value_min_repeat: int = Field(default=50, ge=10)
    """Customers who bought, and those who did again, below which no value is offered."""
