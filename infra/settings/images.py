"""Container images."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from infra.settings.base import Image, Section


class Images(Section):
    """Reference of each image, by tag (never latest) or digest."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    price_pipeline: Image = Field(description="Image of price-pipeline and price-replay.")
    analytics_consumer: Image = Field(description="Image of analytics-consumer.")
    prediction_consumer: Image = Field(description="Image of prediction-consumer.")
    model_training: Image = Field(description="Image of model-training and model-monitor.")
    model_server: Image = Field(description="Image of model-server.")
    migrations: Image = Field(description="Image of the database migrations and of the topics' declaration.")
    mlflow: Image = Field(description="Image of MLflow's tracking server.")
    kafka: Image = Field(description="Image of Kafka.")
    postgres: Image = Field(description="Image of PostgreSQL.")
    redis: Image = Field(description="Image of Redis.")
    prometheus: Image = Field(description="Image of Prometheus.")
    alertmanager: Image = Field(description="Image of Alertmanager.")
    postgres_exporter: Image = Field(description="Image of postgres-exporter.")
    kube_state_metrics: Image = Field(description="Image of kube-state-metrics.")
