"""Kafka and PostgreSQL over TLS: who is let in, and that the declared rights are what is needed."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from psycopg import sql

from infra.manifests.resources import strimzi_clients
from infra.settings import Labels
from tests.services.loops import Recorder, running
from tests.services.servers import Kafka, Postgres, until
from tests.services.tls import Authority
from workloads.kit import db, kafka, log_reader
from workloads.kit.contracts import topics
from workloads.kit.contracts.declaration import Quota
from workloads.kit.contracts.env import TLS_CERTIFICATE, TLS_KEY
from workloads.kit.contracts.platform import CLIENTS
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost, TransactionalProducer
from workloads.kit.records import Output, Transient
from workloads.kit.settings import KafkaConsumerSettings, KafkaSettings, PostgresSettings

pytestmark = pytest.mark.thorough

LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")
TENANT = "tenant.acme."


@dataclass(frozen=True)
class Guarded:
    """A broker that checks certificates and rights, with the platform's topics and clients on it."""

    bootstrap: str
    certificates: dict[str, Path]
    admin: dict[str, Any]

    def ends(self, topic: str) -> list[int]:
        """Where each partition of a topic ends; of one that does not exist there are none."""
        consumer = Consumer({**self.admin, "group.id": "admin"})
        try:
            found = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            return [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in found]
        finally:
            consumer.close()

    def settings(self, client: str, **more: Any) -> KafkaSettings:
        return KafkaSettings(
            kafka_bootstrap=self.bootstrap,
            kafka_tls_dir=self.certificates[client],
            kafka_wait_seconds=20,
            **more,
        )

    def consumer(self, client: str, group: str) -> KafkaConsumerSettings:
        return KafkaConsumerSettings(
            kafka_bootstrap=self.bootstrap,
            kafka_tls_dir=self.certificates[client],
            kafka_group=group,
            kafka_wait_seconds=20,
            pod_name=f"{client}-0",
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def guarded(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    server = Kafka(tmp_path_factory.mktemp("kafka-tls"), authority=authority)
    try:
        config: dict[str, Any] = {"bootstrap.servers": server.bootstrap, "log_level": 0, **server.client}
        admin = AdminClient(config)
        names = [*(topic.name for topic in topics.DECLARED), f"{TENANT}orders"]
        for done in admin.create_topics([NewTopic(name, 2, 1) for name in names]).values():
            done.result(30)
        users = [strimzi_clients.user(LABELS, name, use) for name, use in CLIENTS.items()]
        users.append(strimzi_clients.tenant_user(LABELS, "tenant-acme", TENANT, Quota(
            produce_bytes=1, consume_bytes=1, request_percent=1,
        )))  # fmt: skip
        for done in admin.create_acls([acl for user in users for acl in acls(user)]).values():
            done.result(30)
        holders = [user["metadata"]["name"] for user in users] + ["nobody"]
        yield Guarded(server.bootstrap, {name: authority.issue(name) for name in holders}, config)
    finally:
        server.stop()


def acls(user: dict[str, Any]) -> list[AclBinding]:
    """A KafkaUser's rights as the broker takes them: what Strimzi's operator does."""
    kinds = {
        "topic": ResourceType.TOPIC,
        "group": ResourceType.GROUP,
        "transactionalId": ResourceType.TRANSACTIONAL_ID,
    }
    patterns = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}
    operations = {
        "Read": AclOperation.READ,
        "Write": AclOperation.WRITE,
        "Describe": AclOperation.DESCRIBE,
        "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
        "Delete": AclOperation.DELETE,
    }
    return [
        AclBinding(
            kinds[acl["resource"]["type"]],
            acl["resource"]["name"],
            patterns[acl["resource"]["patternType"]],
            f"User:CN={user['metadata']['name']}",
            acl["host"],
            operations[operation],
            AclPermissionType.ALLOW,
        )
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    ]


def publish(guarded: Guarded, client: str, transactional_id: str, topic: str) -> None:
    with (
        TransactionalProducer(guarded.settings(client), transactional_id) as producer,
        producer.transaction() as tx,
    ):
        tx.send(Output(topic, b"WTI", b"80"))


def refusal(settings: KafkaSettings, **changes: Any) -> KafkaError:
    """Why a client of these settings is not let in."""
    seen: list[KafkaError] = []
    config = {**kafka.common(settings), **changes, "error_cb": seen.append}
    client = AdminClient({name: value for name, value in config.items() if value is not None})
    until(lambda: client.poll(0.1) >= 0 and bool(seen), "the broker refuses", 30)
    with pytest.raises(KafkaException):
        client.list_topics(timeout=2)
    return seen[0]


def test_the_declared_rights_are_enough_for_the_whole_stream(guarded: Guarded) -> None:
    """Prices are published, read as a record, consumed with state, and refused ones moved aside."""
    publish(guarded, "price-pipeline", "price-pipeline", topics.COMMODITY_PRICES)
    publish(guarded, "price-pipeline", "price-inject", topics.COMMODITY_PRICES)
    publish(guarded, "price-replay", "price-replay", topics.COMMODITY_PRICES)
    publish(guarded, "price-replay", "price-replay", topics.dead_letter(topics.COMMODITY_PRICES))
    for client in ("price-pipeline", "price-replay"):
        for topic, count in ((topics.COMMODITY_PRICES, 3), (topics.dead_letter(topics.COMMODITY_PRICES), 1)):
            found = log_reader.read_committed_to_end(guarded.settings(client), topic, bytes)
            assert len(list(found)) == count

    def decode(raw: bytes) -> bytes:
        if refused:
            raise ValueError("refused")
        return raw

    for client, output in (
        ("analytics-consumer", topics.COMMODITY_ANALYTICS),
        ("prediction-consumer", topics.ML_PREDICTIONS),
    ):
        refused: list[bool] = []
        handler = Recorder(output)
        with running(
            guarded.consumer(client, client), topics.COMMODITY_PRICES, handler, decode=decode, restore=True
        ):
            until(lambda h=handler: len(h.seen("process")) >= 3, "three prices are processed")
        # A second life of the same member rebuilds its state from what was committed, then refuses one.
        refused.append(True)
        publish(guarded, "price-pipeline", "price-pipeline", topics.COMMODITY_PRICES)
        settings = guarded.consumer(client, client).model_copy(update={"dead_letter_max_ratio": 1.0})
        with running(settings, topics.COMMODITY_PRICES, Recorder(output), decode=decode, restore=True):
            until(lambda c=client: c in refusers(guarded), f"{client} moves the refused price aside")


def refusers(guarded: Guarded) -> set[str]:
    """Groups that have moved a price aside."""
    dead = topics.dead_letter(topics.COMMODITY_PRICES)
    found = log_reader.read_committed_to_end(guarded.settings("price-pipeline"), dead, bytes)
    return {value.decode() for record in found for name, value in record.headers if name == "group"}


@pytest.mark.parametrize(
    ("client", "transactional_id", "topic"),
    [
        ("analytics-consumer", "analytics-consumer.x", topics.COMMODITY_PRICES),
        ("analytics-consumer", "analytics-consumer.x", topics.ML_PREDICTIONS),
        ("price-pipeline", "price-pipeline", topics.COMMODITY_ANALYTICS),
        ("tenant-acme", f"{TENANT}x", topics.COMMODITY_PRICES),
        ("tenant-acme", f"{TENANT}x", "tenant.acmetoo.orders"),
    ],
)
def test_nobody_writes_what_is_not_declared(
    guarded: Guarded, client: str, transactional_id: str, topic: str
) -> None:
    before = guarded.ends(topic)
    with pytest.raises((Aborted, ProducerLost, KafkaUnavailable)):
        publish(guarded, client, transactional_id, topic)
    assert guarded.ends(topic) == before


@pytest.mark.parametrize(
    ("client", "transactional_id"),
    [
        ("prediction-consumer", "analytics-consumer.x"),
        ("tenant-acme", "price-pipeline"),
        ("nobody", "price-pipeline"),
    ],
)
def test_nobody_fences_off_another_writer(guarded: Guarded, client: str, transactional_id: str) -> None:
    with pytest.raises(ProducerLost, match="TRANSACTIONAL_ID_AUTHORIZATION_FAILED"):
        TransactionalProducer(guarded.settings(client), transactional_id)


def test_a_tenant_has_its_own_names_and_no_others(guarded: Guarded) -> None:
    publish(guarded, "tenant-acme", f"{TENANT}writer", f"{TENANT}orders")
    handler = Recorder(f"{TENANT}orders")
    with running(guarded.consumer("tenant-acme", f"{TENANT}readers"), f"{TENANT}orders", Recorder()) as one:
        until(lambda: one.loop.ready()[0], "the tenant consumes")
    assert handler.events == []
    assert set(guarded_topics(guarded, "tenant-acme")) == {f"{TENANT}orders"}


def guarded_topics(guarded: Guarded, client: str) -> list[str]:
    """Topics that a client is shown."""
    return list(AdminClient(kafka.common(guarded.settings(client))).list_topics(timeout=10).topics)


def test_a_reader_of_nothing_is_shown_nothing(guarded: Guarded) -> None:
    assert guarded_topics(guarded, "nobody") == []


def test_another_groups_offsets_are_out_of_reach(guarded: Guarded) -> None:
    config = {**kafka.reading(guarded.settings("prediction-consumer")), "group.id": "analytics-consumer"}
    consumer = Consumer(config)
    try:
        consumer.subscribe([topics.COMMODITY_PRICES])
        message = consumer.poll(20)
        assert message is not None
        error = message.error()
        assert error is not None
        assert error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    finally:
        consumer.close()


def test_who_shows_no_certificate_is_not_let_in(guarded: Guarded) -> None:
    settings = guarded.settings("nobody")
    assert guarded_topics(guarded, "nobody") == []
    error = refusal(settings, **{"ssl.certificate.location": None, "ssl.key.location": None})
    assert error.code() in (KafkaError._SSL, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)


def test_a_certificate_of_another_authority_is_not_taken(guarded: Guarded, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other").issue("price-pipeline")
    stranger = {
        "ssl.certificate.location": str(other / TLS_CERTIFICATE),
        "ssl.key.location": str(other / TLS_KEY),
    }
    refusal(guarded.settings("price-pipeline"), **stranger)


def test_a_broker_of_another_authority_is_not_believed(guarded: Guarded, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    error = refusal(guarded.settings("price-pipeline"), **{"ssl.ca.location": str(other.ca)})
    assert error.code() == KafkaError._SSL


def test_a_broker_under_another_name_is_not_believed(guarded: Guarded) -> None:
    named = guarded.bootstrap.replace("127.0.0.1", "localhost")
    settings = guarded.settings("price-pipeline").model_copy(update={"kafka_bootstrap": named})
    assert refusal(settings).code() == KafkaError._SSL


@pytest.fixture(scope="module")
def encrypted(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server that takes connections over TLS only."""
    directory = tmp_path_factory.mktemp("postgres-tls")
    holder = authority.issue("postgres", "127.0.0.1")
    key = directory / "server.key"
    shutil.copy(holder / TLS_KEY, key)
    key.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(key, 65534, 65534)
    server = Postgres(
        directory,
        {"ssl": "on", "ssl_cert_file": holder / TLS_CERTIFICATE, "ssl_key_file": key, "fsync": "off"},
    )
    try:
        yield server
    finally:
        server.stop()


def reach(server: Postgres, **changes: Any) -> db.Connection:
    settings = PostgresSettings(
        postgres_host="127.0.0.1",
        postgres_port=server.port,
        postgres_user="postgres",
        postgres_database="postgres",
        postgres_password_file=server.password_file,
    )
    return db.connect(settings.model_copy(update=changes), application_name="test")


def test_a_database_is_reached_over_tls(encrypted: Postgres, authority: Authority) -> None:
    with reach(encrypted, postgres_ca_file=authority.ca) as connection:
        (over_tls,) = connection.execute(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone() or (False,)
        assert over_tls is True


def test_a_database_of_another_authority_is_not_believed(encrypted: Postgres, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    with pytest.raises(Transient, match="certificate verify failed"):
        reach(encrypted, postgres_ca_file=other.ca)


def test_a_database_under_another_name_is_not_believed(encrypted: Postgres, authority: Authority) -> None:
    with pytest.raises(Transient, match="does not match host name"):
        reach(encrypted, postgres_ca_file=authority.ca, postgres_host="localhost")


def test_a_database_in_clear_is_not_spoken_to(postgres: Postgres, authority: Authority) -> None:
    with pytest.raises(Transient, match="does not support SSL"):
        reach(postgres, postgres_ca_file=authority.ca)


def test_a_rotated_password_is_used_at_the_next_connection(encrypted: Postgres, tmp_path: Path) -> None:
    """What External Secrets changes in the mounted file reaches a workload without a restart."""
    file, role = tmp_path / "password", f"r{secrets.token_hex(4)}"
    with encrypted.connect() as administrator:
        name = sql.Identifier(role)
        administrator.execute(sql.SQL("CREATE ROLE {name} LOGIN PASSWORD 'before'").format(name=name))
        file.write_text("before")
        changes = {"postgres_user": role, "postgres_password_file": file}
        reach(encrypted, **changes).close()
        administrator.execute(sql.SQL("ALTER ROLE {name} PASSWORD 'after'").format(name=name))
        with pytest.raises(Transient, match="password authentication failed"):
            reach(encrypted, **changes)
        file.write_text("after")
        reach(encrypted, **changes).close()
