"""Everything that a stack may set."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from infra.settings.base import Labels, Section
from infra.settings.cluster import Cluster
from infra.settings.data import KafkaStatefulSet, MLflowDeployment, PostgresStatefulSet, RedisDeployment
from infra.settings.images import Images
from infra.settings.monitoring import MonitoringDeployments
from infra.settings.secrets import GeneratedSecrets
from infra.settings.workloads import (
    Consumer,
    Features,
    Jobs,
    ModelServer,
    ModelTraining,
    Namespaces,
    PricePipeline,
)

NAMESPACE: Final = "carbon"
"""Prefix of the configuration keys: `carbon:<section>`."""

GIVEN_AT_RUN_TIME: Final = frozenset({"cluster", "images", "secrets"})
"""Sections that a committed stack file need not have: a run generates them, or a release brings them."""


class PlatformSettings(Section):
    """What runs on a cluster. A stack has all of these sections or none."""

    cluster: Cluster = Field(description="The cluster.")
    images: Images = Field(description="Images.")
    secrets: GeneratedSecrets = Field(description="Where passwords come from.")
    namespaces: Namespaces = Field(description="Quotas of the namespaces.")
    kafka: KafkaStatefulSet = Field(description="Kafka.")
    postgres: PostgresStatefulSet = Field(description="PostgreSQL.")
    redis: RedisDeployment = Field(description="Redis.")
    mlflow: MLflowDeployment = Field(description="MLflow.")
    monitoring: MonitoringDeployments = Field(description="Metrics and alerts.")
    price_pipeline: PricePipeline = Field(description="price-pipeline and price-replay.")
    analytics_consumer: Consumer = Field(description="analytics-consumer.")
    prediction_consumer: Consumer = Field(description="prediction-consumer.")
    model_training: ModelTraining = Field(description="model-training and model-monitor.")
    model_server: ModelServer = Field(description="model-server.")
    features: Features = Field(default=Features(), description="The feature set.")
    jobs: Jobs = Field(description="Migrations and topics.")


class StackSettings(Section):
    """A stack: whose it is, what it has at AWS, what runs on its cluster."""

    labels: Labels = Field(description="Labels of every object, tags of every AWS resource.")
    platform: PlatformSettings | None = Field(None, description="What runs on a cluster.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.platform is None:
            raise ValueError("the stack is empty: it has neither section `aws` nor sections of a platform")
        return self
