"""Kafka, PostgreSQL, Redis and MLflow."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from infra.settings.base import Port, Resources, Section, Storage
from workloads.kit.contracts import topics


class KafkaStatefulSet(Section):
    """Kafka as a StatefulSet of combined brokers and controllers (KRaft)."""

    kind: Literal["statefulset"] = Field(description="How Kafka is run.")
    brokers: int = Field(3, ge=3, le=9, description="Brokers; odd, since they vote.")
    replication_factor: int = Field(3, ge=3, description="Copies of each partition.")
    min_in_sync: int = Field(2, ge=2, description="Copies that must have a message that is acknowledged.")
    heap_mib: int = Field(384, ge=256, description="Heap of a broker, in MiB.")
    external_host: str = Field("127.0.0.1", description="Host that clients outside the cluster reach.")
    external_port_base: Port | None = Field(
        None,
        description="Port on external_host that reaches broker 0, the next ones reach the others; "
        "without it brokers are not reached from outside.",
    )
    retention_ms: dict[str, Annotated[int, Field(ge=-1)]] = Field(
        default={},
        description="Retention by topic, in ms, where not the declared one; -1 is for ever.",
    )
    resources: Resources = Field(description="Resources of a broker.")
    storage: Storage = Field(description="Volume of a broker.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.brokers % 2 == 0:
            raise ValueError(f"brokers {self.brokers} is even: half of them could not decide anything")
        if self.replication_factor > self.brokers:
            raise ValueError(f"replication_factor {self.replication_factor} is above brokers {self.brokers}")
        if self.min_in_sync >= self.replication_factor:
            raise ValueError(
                f"min_in_sync {self.min_in_sync} is not below replication_factor {self.replication_factor}: "
                "one broker away would stop every producer"
            )
        declared = {topic.name for topic in topics.DECLARED}
        if unknown := sorted(set(self.retention_ms) - declared):
            raise ValueError(f"retention_ms names topics that are not declared: {', '.join(unknown)}")
        return self


class PostgresStatefulSet(Section):
    """PostgreSQL as a StatefulSet of one."""

    kind: Literal["statefulset"] = Field(description="How PostgreSQL is run.")
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z_.]+$")], str | int | float] = Field(
        default={}, description="Server parameters (postgresql.conf)."
    )
    resources: Resources = Field(description="Resources of the server.")
    storage: Storage = Field(description="Volume of the server.")


class RedisDeployment(Section):
    """Redis as one pod without a volume: what it holds can be made again."""

    kind: Literal["deployment"] = Field(description="How Redis is run.")
    max_memory_mib: int = Field(64, ge=16, description="Memory for data, in MiB; the least used goes first.")
    resources: Resources = Field(description="Resources of the server.")


class MLflowDeployment(Section):
    """MLflow's tracking server and registry as one pod, artifacts on a volume."""

    kind: Literal["deployment"] = Field(description="How MLflow is run.")
    workers: int = Field(1, ge=1, description="Worker processes.")
    resources: Resources = Field(description="Resources of the server.")
    storage: Storage = Field(description="Volume of the artifacts.")
