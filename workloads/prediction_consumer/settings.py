"""Settings of prediction-consumer, from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, HttpUrl
from pydantic_settings import NoDecode

from workloads.kit.contracts.declared.prediction_consumer import PREDICTION_CONSUMER
from workloads.kit.features import DEFAULT, FeatureSpec
from workloads.kit.series import HISTORY
from workloads.kit.settings import KafkaConsumerSettings, NonEmpty, PostgresSettings, StateSettings


def _spec(value: str | FeatureSpec) -> FeatureSpec:
    return FeatureSpec.parse(value) if isinstance(value, str) else value


class PredictionSettings(KafkaConsumerSettings, StateSettings, PostgresSettings):
    """The group's name, which prices are predicted, and what the consumer loop and the database take."""

    kafka_group: NonEmpty = PREDICTION_CONSUMER.group
    batch_max_records: int = Field(default=1_000, ge=1)
    model_server_url: HttpUrl
    model_server_timeout_seconds: float = Field(default=5.0, gt=0)
    predict_max_age_seconds: float = Field(default=2 * 86_400, gt=0)
    """A price is predicted if it was published within this time of becoming available, or within one and a
    half of its series' gaps; older ones are history being loaded, which only fills the windows."""
    anomaly_threshold: float = Field(default=4.0, gt=0)
    """Volatilities of the last returns at which a predicted or realised return counts as an anomaly."""
    feature_windows: Annotated[FeatureSpec, NoDecode, BeforeValidator(_spec)] = DEFAULT
    history_sessions: int = Field(default=HISTORY, ge=1)
    """How many sessions late a price may come and still be predicted from its window."""
