"""What tests do with the servers: topics and messages of their own, connections as a workload's role."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import stamina
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from tests.services.servers import Postgres, until
from workloads.kit import db, log_reader
from workloads.kit.records import Record
from workloads.kit.settings import KafkaConsumerSettings, KafkaSettings, PostgresSettings

_count = itertools.count()


class KafkaClient:
    """A test's way to a Kafka cluster."""

    def __init__(self, bootstrap: str, replication: int = 1) -> None:
        self.bootstrap = bootstrap
        self.settings = KafkaSettings(kafka_bootstrap=bootstrap, kafka_transaction_timeout_ms=30_000)
        # Quiet: these clients outlive the brokers that tests stop.
        common = {"bootstrap.servers": bootstrap, "log_level": 0}
        self.admin = AdminClient(common)
        self._replication = replication
        self._producer = Producer({**common, "partitioner": "murmur2_random", "enable.idempotence": True})

    def topic(self, name: str | None = None, partitions: int = 3) -> str:
        """Create a topic of the test's own and its dead-letter topic; returns its name."""
        name = f"{name or 'topic'}-{next(_count)}-{secrets.token_hex(3)}"
        self.create(name, partitions)
        self.create(f"{name}.dlq", 1)
        return name

    def create(self, name: str, partitions: int, config: dict[str, str] | None = None) -> None:
        """Create a topic of exactly this name."""
        new = NewTopic(name, partitions, self._replication, config=config or {})
        self.admin.create_topics([new])[name].result(30)
        # A producer that knew a topic of this name as deleted would refuse it for a while.
        until(lambda: self._known(name, partitions), f"the producer knows {name}")

    def _known(self, name: str, partitions: int) -> bool:
        found = self._producer.list_topics(name, timeout=10).topics[name]
        return found.error is None and len(found.partitions) == partitions

    def configure(self, topic: str, config: dict[str, str]) -> None:
        """Set configurations of a topic."""
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in config.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(30)

    def configuration(self, topic: str) -> dict[str, str | None]:
        """The configurations of a topic."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        return {n: e.value for n, e in self.admin.describe_configs([resource])[resource].result(30).items()}

    def grow(self, topic: str, partitions: int) -> None:
        """Add partitions, up to this many."""
        self.admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(30)

    def consumer_settings(self, group: str, **changed: Any) -> KafkaConsumerSettings:
        """Settings of one member of a group, quick to take over and to retry."""
        values: dict[str, Any] = {
            "kafka_bootstrap": self.bootstrap,
            "kafka_group": group,
            "pod_name": f"{group}-{next(_count)}",
            "kafka_wait_seconds": 30.0,
            "retry_first_ms": 20,
            "retry_cap_ms": 200,
        }
        return KafkaConsumerSettings(**(values | changed))

    def produce(
        self,
        topic: str,
        values: Iterable[bytes | None],
        *,
        keys: Iterable[str | bytes | None] | None = None,
        partition: int = -1,
        headers: Sequence[tuple[str, bytes]] = (),
        written_ms: Iterable[int] | None = None,
    ) -> None:
        """Write messages, all with these headers, and wait until they are delivered. `written_ms` is what
        they say of when they were written; by default, now."""
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        keyed = zip(values, keys or itertools.repeat(None), written_ms or itertools.repeat(0), strict=False)
        for value, key, written in keyed:
            self._producer.produce(
                topic, value, key, partition, delivered, timestamp=written, headers=[*headers] or None
            )
            if len(self._producer) > 50_000:
                self._producer.poll(0.1)
        assert self._producer.flush(60) == 0
        assert not failures, failures[0]

    def read(self, topic: str) -> list[Record[bytes]]:
        """Every committed message of a topic that has a value, once no transaction is open in it.

        A commit returns when it is certain; readers see it a moment later.
        """
        until(lambda: self.ends(topic) == self.ends(topic, "read_uncommitted"), f"{topic} is settled", 60)
        return self.read_now(topic)

    def read_now(self, topic: str) -> list[Record[bytes]]:
        """Every message of a topic that has a value and can be read now, partition by partition."""
        records = log_reader.read_committed_to_end(self.settings, topic, bytes)
        return sorted(records, key=lambda record: (record.partition, record.offset))

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Next offsets that a group has committed: partition -> offset."""
        # As a member that never joins: an AdminClient's question crashes while the coordinator comes up.
        reader = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        try:
            found = reader.list_topics(topic, timeout=30).topics[topic].partitions
            asked = [TopicPartition(topic, partition) for partition in found]
            return {at.partition: at.offset for at in self._committed(reader, asked) if at.offset >= 0}
        finally:
            reader.close()

    @staticmethod
    @stamina.retry(on=KafkaException, attempts=None, timeout=30)
    def _committed(reader: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        # A coordinator that is only just coming up says so for a moment.
        return reader.committed(partitions, timeout=30)

    def ends(self, topic: str, isolation: str = "read_committed") -> dict[int, int]:
        """One past the last offset that a reader of this isolation gets: partition -> offset."""
        reader = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "unused",
                "isolation.level": isolation,
            }
        )
        try:
            partitions = reader.list_topics(topic, timeout=30).topics[topic].partitions
            # A partition whose leader has just gone has none for a moment.
            for attempt in stamina.retry_context(on=KafkaException, attempts=None, timeout=30):
                with attempt:
                    return {
                        p: reader.get_watermark_offsets(TopicPartition(topic, p), timeout=30)[1]
                        for p in partitions
                    }
            raise AssertionError(f"no leaders of {topic}")
        finally:
            reader.close()


@dataclass
class MigratedDatabase:
    """A migrated database and the roles' passwords."""

    server: Postgres
    secrets_dir: Path
    name: str

    def settings(self, role: str) -> PostgresSettings:
        """Settings of a workload that connects as `role`."""
        return PostgresSettings(
            postgres_host="127.0.0.1",
            postgres_port=self.server.port,
            postgres_database=self.name,
            postgres_user=role,
            postgres_password_file=self.secrets_dir / role,
        )

    def env(self, role: str) -> dict[str, str]:
        """The same as environment variables, for a subprocess."""
        return {
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": str(self.server.port),
            "POSTGRES_DATABASE": self.name,
            "POSTGRES_USER": role,
            "POSTGRES_PASSWORD_FILE": str(self.secrets_dir / role),
        }

    def connect(self, role: str) -> db.Connection:
        """A connection as `role`, in autocommit."""
        return db.connect(self.settings(role), application_name="test", autocommit=True)

    def admin(self) -> psycopg.Connection[tuple[Any, ...]]:
        """The administrator's connection, in autocommit."""
        return self.server.connect(self.name)

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query, run as the administrator with `features` on the search path."""
        with self.admin() as connection:
            connection.execute("SET search_path = features")
            return connection.execute(statement.encode(), values).fetchall()

    def clone(self) -> MigratedDatabase:
        """A copy under a name of its own; this one must have no connection open."""
        name = f"{self.name}_{next(_count)}_{secrets.token_hex(3)}"
        with self.server.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {self.name}".encode())
        return MigratedDatabase(self.server, self.secrets_dir, name)

    def drop(self) -> None:
        with self.server.connect() as connection:
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)".encode())
