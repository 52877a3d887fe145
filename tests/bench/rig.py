"""What the parts measure on: real servers as processes on free ports, started when first asked for.

Kafka is three brokers with replication 3, two in sync, and the JVM options of the platform's own; PostgreSQL
is as durable as the platform's (fsync on). All of it is below one temporary directory and ends with the run.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import structlog
import yaml

from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.servers import Kafka, Postgres
from tools import paths
from tools.console import step
from workloads.kit.contracts import tables
from workloads.kit.contracts.platform import ROLES
from workloads.migrations import database as migrations
from workloads.migrations import topics as declared
from workloads.migrations.settings import DatabaseSettings, TopicSettings

T = TypeVar("T")

_BROKERS = 3
_JVM = ("-Xms384m", "-Xmx384m", "-XX:+UseSerialGC", "-server")
_IN_SYNC = {"min.insync.replicas": "2"}


def new_topic(kafka: KafkaClient, name: str) -> str:
    """A new topic with partitions and copies as the platform's are; returns its whole name."""
    name = f"bench-{name}-{secrets.token_hex(3)}"
    kafka.create(name, 6, _IN_SYNC)
    return name


class Rig:
    """Servers and sizes of one run; a context manager that ends what it started."""

    def __init__(self, *, quick: bool) -> None:
        # The table is what the person reads; a workload's own lines would stand between its steps.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        for name in ("librdkafka", "mlflow"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self.quick = quick
        self._made: dict[Callable[[Rig], Any], Any] = {}
        self._stack = ExitStack()
        self.directory = Path(tempfile.mkdtemp(prefix="carbon-bench-"))
        self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        # PostgreSQL runs as another user and has to reach its data.
        self.directory.chmod(0o755)

    def __enter__(self) -> Rig:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def sized(self, full: int, quick: int) -> int:
        """A count of a full run, or that of a smoke test."""
        return quick if self.quick else full

    @property
    def repetitions(self) -> int:
        return self.sized(3, 1)

    def new_directory(self, name: str) -> Path:
        directory = self.directory / name
        directory.mkdir()
        return directory

    @cached_property
    def kafka(self) -> KafkaClient:
        """The brokers, with the platform's topics."""
        with step(f"{_BROKERS} Kafka brokers"):
            server = Kafka(self.new_directory("kafka"), _BROKERS, _JVM)
            self._stack.callback(server.stop)
            # Clients go first: without their brokers they would complain.
            self._stack.callback(self.__dict__.pop, "kafka")
            client = KafkaClient(server.bootstrap, replication=_BROKERS)
            declared.reconcile(TopicSettings(kafka_bootstrap=server.bootstrap))
        return client

    @cached_property
    def database(self) -> MigratedDatabase:
        """The migrated database; clone it to have an empty one that is thrown away."""
        with step("PostgreSQL"):
            directory = self.new_directory("postgres")
            server = Postgres(directory, _postgres_parameters())
            self._stack.callback(server.stop)
            passwords = self.new_directory("secrets")
            for role in ROLES:
                (passwords / role).write_text(secrets.token_urlsafe(16))
            migrations.upgrade(
                DatabaseSettings(
                    postgres_host="127.0.0.1",
                    postgres_port=server.port,
                    postgres_user="postgres",
                    postgres_password_file=server.password_file,
                    secrets_dir=passwords,
                )
            )
        return MigratedDatabase(server, passwords, tables.DATABASE)

    def once(self, make: Callable[[Rig], T]) -> T:
        """What `make` makes of this rig, made when first asked for."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Enter a context that lasts as long as the run."""
        return self._stack.enter_context(context)


def _postgres_parameters() -> dict[str, object]:
    """Those of the local stack."""
    stack = yaml.safe_load((paths.ROOT / "stacks" / "Pulumi.local.yaml").read_text())
    return {"jit": "off", **stack["config"]["carbon:postgres"]["parameters"]}
