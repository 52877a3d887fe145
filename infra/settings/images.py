"""Container images."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from infra.settings.base import Image, Section


class Images(Section):
    """Reference of each image, by tag (never latest) or digest.

    Those of the platform's own workloads are always there. Those of its services are only where the platform
    runs the service itself, and not an operator or a chart, which bring their own.
    """

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    price_pipeline: Image = Field(description="Image of price-pipeline and price-replay.")
    analytics_consumer: Image = Field(description="Image of analytics-consumer.")
    prediction_consumer: Image = Field(description="Image of prediction-consumer.")
    model_training: Image = Field(description="Image of model-training and model-monitor.")
    model_server: Image = Field(description="Image of model-server.")
    migrations: Image = Field(description="Image of the database migrations and of the topics' declaration.")
    mlflow: Image | None = Field(None, description="Image of MLflow's tracking server.")
    kafka: Image | None = Field(None, description="Image of Kafka.")
    postgres: Image | None = Field(None, description="Image of PostgreSQL.")
    redis: Image | None = Field(None, description="Image of Redis.")
    prometheus: Image | None = Field(None, description="Image of Prometheus.")
    alertmanager: Image | None = Field(None, description="Image of Alertmanager.")
    postgres_exporter: Image | None = Field(None, description="Image of postgres-exporter.")
    kube_state_metrics: Image | None = Field(None, description="Image of kube-state-metrics.")

    def of(self, name: str) -> str:
        """Reference of an image by its name in a stack file.

        Raises:
            ValueError: the stack has none of that name.
        """
        reference: str | None = getattr(self, name.replace("-", "_"), None)
        if reference is None:
            raise ValueError(f"images.{name} is missing: the chosen kind of {name} runs the platform's own")
        return reference
