"""Fixtures: `kafka`, and `database` on a `postgres` server; each server is started when first asked for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.manifests.trino import ROLE as TRINO_ROLE
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.legacy import Warehouse
from tests.services.servers import Kafka, Postgres, Redis
from tests.trino import OF_TENANTS
from tools.embedded.connect import Connect
from tools.embedded.mariadb import MariaDb
from tools.embedded.mlflow import Mlflow
from tools.embedded.object_store import ObjectStore
from tools.embedded.trino import Trino
from workloads.kit.contracts import tables, topics
from workloads.kit.contracts.declaration import KafkaUse
from workloads.kit.contracts.declared.warehouse_connect import WAREHOUSE_CONNECT
from workloads.kit.contracts.platform import ROLES
from workloads.migrations import database as migrations
from workloads.migrations.settings import DatabaseSettings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.services)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaClient]:
    """One broker, shared by all tests: use topics and groups of your own (`kafka.topic()`)."""
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    try:
        yield KafkaClient(server.bootstrap)
    finally:
        server.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Kafka]:
    """Three brokers of the test's own, to kill."""
    server = Kafka(tmp_path / "cluster", brokers=3)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server on which `python -m workloads.migrations upgrade` has run once, with a secret a role."""
    directory = tmp_path_factory.mktemp("postgres")
    server = Postgres(directory)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A cache, shared by all tests."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def secrets_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A password file a role."""
    directory = tmp_path_factory.mktemp("secrets")
    for role in ROLES:
        (directory / role).write_text(secrets.token_urlsafe(16))
    return directory


@pytest.fixture(scope="session")
def migrated(postgres: Postgres, secrets_dir: Path) -> MigratedDatabase:
    """The database `carbon` as the migration job leaves it; tests that write use `database`."""
    migrations.upgrade(
        DatabaseSettings(
            postgres_host="127.0.0.1",
            postgres_port=postgres.port,
            postgres_user="postgres",
            postgres_password_file=postgres.password_file,
            secrets_dir=secrets_dir,
            # Few months: every test that writes has a copy of them.
            partition_months_ahead=1,
            partition_months_back=0,
        )
    )
    return MigratedDatabase(postgres, secrets_dir, tables.DATABASE)


@pytest.fixture
def database(migrated: MigratedDatabase) -> Iterator[MigratedDatabase]:
    """An empty migrated database of the test's own."""
    own = migrated.clone()
    try:
        yield own
    finally:
        own.drop()


@pytest.fixture
def figures(migrated: MigratedDatabase) -> Iterator[MigratedDatabase]:
    """An empty database of customers' figures, of the test's own."""
    own = MigratedDatabase(migrated.server, migrated.secrets_dir, tables.METRICS_DATABASE).clone()
    try:
        yield own
    finally:
        own.drop()


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """The object store, shared by all tests: use names of your own."""
    server = ObjectStore(tmp_path_factory.mktemp("objects"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def warehouse(migrated: MigratedDatabase) -> Iterator[MigratedDatabase]:
    """The database behind `trino`, shared by all tests: use names of your own."""
    own = MigratedDatabase(migrated.server, migrated.secrets_dir, tables.WAREHOUSE_DATABASE).clone()
    try:
        yield own
    finally:
        own.drop()


@pytest.fixture(scope="session")
def trino(
    warehouse: MigratedDatabase, object_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trino]:
    """Trino over these two, shared by all tests; a tenant sees its own rows of `OF_TENANTS`."""
    server = Trino(
        tmp_path_factory.mktemp("trino"),
        f"127.0.0.1:{warehouse.server.port}/{warehouse.name}",
        (warehouse.secrets_dir / TRINO_ROLE).read_text(),
        object_store,
        of_tenants=OF_TENANTS,
    )
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def mlflow(migrated: MigratedDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    """The model registry, shared by all tests: use symbols of your own."""
    password = (migrated.secrets_dir / "mlflow").read_text()
    server = Mlflow(tmp_path_factory.mktemp("mlflow"), migrated.server.port, password)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A legacy database, shared by all tests; its log is on."""
    directory = tmp_path_factory.mktemp("mariadb")
    for one in (directory, *directory.parents):
        if one.is_relative_to("/tmp") and one != Path("/tmp"):
            one.chmod(0o755)
    server = MariaDb(directory, "crm")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def connect(
    kafka: KafkaClient, mariadb: MariaDb, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connect]:
    """Kafka Connect, shared by all tests, with its topics; it may read the password of `mariadb`."""
    for topic in topics.DECLARED:
        if topic.name in (WAREHOUSE_CONNECT.kafka or KafkaUse()).writes:
            kafka.create(topic.name, topic.partitions, {"cleanup.policy": topic.cleanup})
    server = Connect(tmp_path_factory.mktemp("connect"), kafka.bootstrap, mariadb.password_file.parent)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def etl(database: MigratedDatabase, kafka: KafkaClient, tmp_path: Path) -> Iterator[Warehouse]:
    """Runs of warehouse-etl over layers of the test's own."""
    layers = MigratedDatabase(database.server, database.secrets_dir, tables.WAREHOUSE_DATABASE).clone()
    topic = kafka.topic()
    try:
        yield Warehouse(database, layers, kafka.bootstrap, topic, tmp_path)
    finally:
        layers.drop()
