"""Kafka, PostgreSQL, Redis and MLflow."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, field_validator, model_validator

from infra import versions
from infra.settings.base import Cron, DnsLabel, Image, Port, Resources, Section, Storage
from workloads.kit.contracts import tables, topics

Parameters = dict[Annotated[str, Field(pattern=r"^[a-z_.]+$")], str | int | float]


class _Kafka(Section):
    brokers: int = Field(3, ge=3, le=9, description="Brokers; odd where they vote, too.")
    replication_factor: int = Field(3, ge=3, description="Copies of each partition.")
    min_in_sync: int = Field(2, ge=2, description="Copies that must have a message that is acknowledged.")
    heap_mib: int = Field(384, ge=256, description="Heap of a broker, in MiB.")
    retention_ms: dict[str, Annotated[int, Field(ge=-1)]] = Field(
        default={},
        description="Retention by topic, in ms, where not the declared one; -1 is for ever.",
    )
    resources: Resources = Field(description="Resources of a broker.")
    storage: Storage = Field(description="Volume of a broker.")

    @model_validator(mode="after")
    def _replicated(self) -> Self:
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


def _voting(brokers: int) -> None:
    if brokers % 2 == 0:
        raise ValueError(f"brokers {brokers} is even: half of them could not decide anything")


class KafkaStatefulSet(_Kafka):
    """Kafka as a StatefulSet of combined brokers and controllers (KRaft)."""

    kind: Literal["statefulset"] = Field(description="How Kafka is run.")
    external_host: str = Field("127.0.0.1", description="Host that clients outside the cluster reach.")
    external_port_base: Port | None = Field(
        None,
        description="Port on external_host that reaches broker 0, the next ones reach the others; "
        "without it brokers are not reached from outside.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _voting(self.brokers)
        return self


class KafkaControllers(Section):
    """Controllers on nodes of their own."""

    nodes: Literal[3, 5] = Field(3, description="Controllers; odd, since they vote.")
    heap_mib: int = Field(384, ge=256, description="Heap of a controller, in MiB.")
    resources: Resources = Field(description="Resources of a controller.")
    storage: Storage = Field(description="Volume of a controller.")


class KafkaQuotas(Section):
    """What one client may use where its own declaration says nothing."""

    producer_bytes_per_second: int = Field(default=10_000_000, ge=1, description="Bytes written, a broker.")
    consumer_bytes_per_second: int = Field(default=20_000_000, ge=1, description="Bytes read, a broker.")
    request_percent: int = Field(default=50, ge=1, description="Share of a request thread's time.")


class KafkaStrimzi(_Kafka):
    """Kafka by Strimzi: TLS, a certificate and rights a client, brokers spread over racks."""

    kind: Literal["strimzi"] = Field(description="How Kafka is run.")
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$"), AfterValidator(versions.of_kafka)] = (
        Field("4.3.1", description="Version of Kafka, one that the operator runs (`infra/versions.py`).")
    )
    controllers: KafkaControllers | None = Field(
        None, description="Controllers on nodes of their own; without them the brokers vote."
    )
    node_pool: DnsLabel | None = Field(
        None, description="Karpenter node pool whose nodes its pods run on; by default any that fits."
    )
    rack_topology_key: str = Field(
        "topology.kubernetes.io/zone", description="Label of the nodes that says which rack one is in."
    )
    quotas: KafkaQuotas = Field(default=KafkaQuotas(), description="What one client may use.")
    operator_resources: Resources = Field(
        description="Resources of each of the two operators that keep topics and clients as declared."
    )
    cruise_control: Resources | None = Field(
        None, description="Resources of Cruise Control, which moves partitions; without it none runs."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.controllers is None:
            _voting(self.brokers)
        return self


Kafka = Annotated[KafkaStatefulSet | KafkaStrimzi, Discriminator("kind")]


class _Postgres(Section):
    keep_months: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={},
        description="By table with a partition a month, or of records of calls and refusals: months before"
        " this one that are kept. What is older is dropped, for everybody. A table that is not named keeps"
        " all.",
    )
    partitions: Cron = Field(
        "40 3 * * *", description="When months are made ahead and those not kept are dropped, in UTC."
    )

    @field_validator("keep_months")
    @classmethod
    def _by_month(cls, value: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(value) - tables.BY_MONTH - tables.RECORDS):
            there = ", ".join(sorted(tables.BY_MONTH | tables.RECORDS))
            raise ValueError(
                f"keep_months names {', '.join(unknown)}, which is not dropped by month: name {there}"
            )
        return value


class PostgresStatefulSet(_Postgres):
    """PostgreSQL as a StatefulSet of one."""

    kind: Literal["statefulset"] = Field(description="How PostgreSQL is run.")
    parameters: Parameters = Field(default={}, description="Server parameters (postgresql.conf).")
    resources: Resources = Field(description="Resources of the server.")
    storage: Storage = Field(description="Volume of the server.")


class PostgresBackup(Section):
    """Base backups and WAL in the recovery bucket; any instant since the oldest kept base can be restored."""

    schedule: Annotated[str, Field(pattern=r"^(\S+ ){5}\S+$", examples=["0 30 2 * * *"])] = Field(
        "0 30 2 * * *", description="When a base backup is made, in UTC; the first field is the second."
    )
    retention_days: int = Field(30, ge=1, description="Days that backups are kept.")
    resources: Resources = Field(description="Resources of the container beside each server that archives.")


class PostgresPooler(Section):
    """PgBouncer between the workloads and the primary."""

    instances: int = Field(2, ge=1, description="Pods.")
    pool_size: int = Field(20, ge=1, description="Server connections a pod, role and database.")
    max_clients: int = Field(1000, ge=1, description="Client connections a pod.")
    resources: Resources = Field(description="Resources of a pod.")


class PostgresCloudNativePG(_Postgres):
    """PostgreSQL by CloudNativePG: a primary, standbys, an archive, a pooler."""

    kind: Literal["cloudnative-pg"] = Field(description="How PostgreSQL is run.")
    image: Image = Field("ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie", description="Its image.")
    node_pool: DnsLabel | None = Field(
        None, description="Karpenter node pool whose nodes its servers run on; by default any that fits."
    )
    instances: int = Field(3, ge=1, le=9, description="Servers: one primary, the others standbys.")
    synchronous_standbys: int = Field(
        1, ge=0, description="Standbys that have a transaction before it counts as committed."
    )
    parameters: Parameters = Field(default={}, description="Server parameters (postgresql.conf).")
    resources: Resources = Field(description="Resources of a server.")
    storage: Storage = Field(description="Volume of a server's data.")
    wal_storage: Storage = Field(description="Volume of a server's write-ahead log.")
    backup: PostgresBackup = Field(description="Backups.")
    pooler: PostgresPooler = Field(description="The pooler.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        # A standby must be able to go without stopping every write.
        most = max(self.instances - 2, 0)
        if self.synchronous_standbys > most:
            raise ValueError(
                f"synchronous_standbys {self.synchronous_standbys} is above {most}, which is all that "
                f"{self.instances} instances allow: one standby away would stop every write"
            )
        return self


Postgres = Annotated[PostgresStatefulSet | PostgresCloudNativePG, Discriminator("kind")]


class _Redis(Section):
    max_memory_mib: int = Field(64, ge=16, description="Memory for data, in MiB; the least used goes first.")
    resources: Resources = Field(description="Resources of the server.")


class RedisDeployment(_Redis):
    """Redis as one pod without a volume: what it holds can be made again."""

    kind: Literal["deployment"] = Field(description="How Redis is run.")


class RedisValkey(_Redis):
    """Valkey, which speaks Redis's protocol, as one pod without a volume."""

    kind: Literal["valkey"] = Field(description="How Redis is run.")
    tls_issuer: Literal["internal"] | None = Field(
        "internal", description="Who certifies the server, null for connections in clear."
    )


Redis = Annotated[RedisDeployment | RedisValkey, Discriminator("kind")]


class MLflowDeployment(Section):
    """MLflow's tracking server and registry as one pod, artifacts on a volume."""

    kind: Literal["deployment"] = Field(description="How MLflow is run.")
    workers: int = Field(1, ge=1, description="Worker processes.")
    resources: Resources = Field(description="Resources of the server.")
    storage: Storage = Field(description="Volume of the artifacts.")


class MLflowChartSettings(Section):
    """MLflow's tracking server and registry by its chart, artifacts in a bucket."""

    kind: Literal["chart"] = Field(description="How MLflow is run.")
    replicas: int = Field(2, ge=1, description="Pods.")
    workers: int = Field(2, ge=1, description="Worker processes a pod.")
    resources: Resources = Field(description="Resources of a pod.")


MLflow = Annotated[MLflowDeployment | MLflowChartSettings, Discriminator("kind")]
