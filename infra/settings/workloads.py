"""The platform's own workloads."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, JsonValue, model_validator

from infra.settings.base import Cron, EnvironmentName, Port, Quota, Resources, Section
from workloads.kit.contracts import env


class Namespaces(Section):
    """The platform's namespaces."""

    platform: Quota = Field(description="Quota of the namespace of data, models and workloads.")
    monitoring: Quota = Field(description="Quota of the namespace of Prometheus and its exporters.")


class _Replicas(Section):
    min_replicas: int = Field(ge=1, description="Pods that always run.")
    max_replicas: int = Field(ge=1, description="Pods that run at most.")
    cpu_percent: int = Field(70, ge=1, le=100, description="CPU use, in percent of the request, to keep to.")
    memory_percent: int = Field(80, ge=1, le=100, description="Memory use, likewise.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas {self.min_replicas} is above max_replicas {self.max_replicas}")
        return self


class Hpa(_Replicas):
    """Scaled by Kubernetes itself, on CPU and memory."""

    kind: Literal["hpa"] = Field(description="HorizontalPodAutoscaler.")


class Keda(_Replicas):
    """Scaled by KEDA, on CPU, memory and, where the workload consumes a topic, on its lag."""

    kind: Literal["keda"] = Field(description="KEDA ScaledObject; KEDA must be installed.")
    lag: int = Field(1000, ge=1, description="Messages of lag a pod that call for one more.")


Scaler = Annotated[Hpa | Keda, Discriminator("kind")]


class _Workload(Section):
    environment: dict[EnvironmentName, str] = Field(
        default={}, description="Environment variables of the workload's own settings (its settings.py)."
    )
    resources: Resources = Field(description="Resources of a pod.")


class Destination(Section):
    """Addresses outside the cluster that a workload may reach."""

    cidr: IPv4Network = Field(description="Network.")
    port: Port = Field(description="TCP port.")


class Replay(_Workload):
    """price-replay, which publishes the withheld prices as if they happened now."""

    interval_seconds: int = Field(30, ge=1, description="Seconds between two replayed sessions.")


class PricePipeline(_Workload):
    """price-pipeline."""

    schedule: Cron = Field("0 2 * * *", description="When it runs, in UTC.")
    sources: list[dict[str, JsonValue]] | None = Field(
        None,
        description="Its sources, as workloads/price_pipeline/config.py describes them; by default those "
        f"within its image. A secret of `secrets.sources` is the file {env.SECRETS_DIR}/<name>.",
    )
    destinations: list[Destination] = Field(
        default=[], description="Where its sources are, besides those within its image."
    )
    replay: Replay = Field(description="The replay of withheld prices.")


class Consumer(_Workload):
    """A consumer of a topic."""

    scaler: Scaler = Field(description="How many pods run.")


class ModelServer(_Workload):
    """model-server."""

    workers: int = Field(2, ge=1, description="Worker processes a pod.")
    scaler: Scaler = Field(description="How many pods run.")


class Features(Section):
    """The feature set, the same for training, serving and prediction."""

    windows: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=2)] = Field(
        default=[7, 30, 90], description="Windows in sessions: short, main, and any longer ones."
    )


class ModelMonitor(_Workload):
    """model-monitor, which rolls a champion back whose live skill falls below the gate."""

    schedule: Cron = Field("*/5 * * * *", description="When it runs, in UTC.")


class ModelTraining(_Workload):
    """model-training."""

    schedule: Cron = Field("0 1 * * *", description="When it runs, in UTC.")
    monitor: ModelMonitor = Field(description="The watch over champions.")


class Jobs(Section):
    """The jobs that prepare the platform for its workloads."""

    resources: Resources = Field(description="Resources of each.")
