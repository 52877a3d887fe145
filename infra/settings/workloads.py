"""What the sections of the platform's own workloads have in common; each is in `infra/workloads`."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, model_validator

from infra.settings.base import EnvironmentName, Port, Quota, Resources, Section


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


class HpaScaler(_Replicas):
    """Scaled by Kubernetes itself, on CPU and memory."""

    kind: Literal["hpa"] = Field(description="HorizontalPodAutoscaler.")


class KedaScaler(_Replicas):
    """Scaled by KEDA, on CPU, memory and, where the workload consumes a topic, on its lag."""

    kind: Literal["keda"] = Field(description="KEDA ScaledObject; KEDA must be installed.")
    lag: int = Field(1000, ge=1, description="Messages of lag a pod that call for one more.")


Scaler = Annotated[HpaScaler | KedaScaler, Discriminator("kind")]


class WorkloadSettings(Section):
    """What a stack decides about every workload."""

    environment: dict[EnvironmentName, str] = Field(
        default={}, description="Environment variables of the workload's own settings (its settings.py)."
    )
    resources: Resources = Field(description="Resources of a pod.")


class Destination(Section):
    """Addresses outside the cluster that a workload may reach."""

    cidr: IPv4Network = Field(description="Network.")
    port: Port = Field(description="TCP port.")


class Features(Section):
    """The feature set, the same for training, serving and prediction."""

    windows: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=2)] = Field(
        default=[7, 30, 90], description="Windows in sessions: short, main, and any longer ones."
    )


class Jobs(WorkloadSettings):
    """The jobs that prepare the platform for its workloads."""
