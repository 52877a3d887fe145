"""Transactions and reading a topic as a record of the past, against a real broker."""

from __future__ import annotations

import secrets

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.services.clients import KafkaClient
from tests.services.servers import Kafka, until
from workloads.kit import log_reader
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost, TransactionalProducer
from workloads.kit.records import Output
from workloads.kit.settings import KafkaSettings


@pytest.fixture
def transactional_id() -> str:
    return f"pipeline-{secrets.token_hex(4)}"


def test_messages_are_seen_together_when_the_block_ends(kafka: KafkaClient, transactional_id: str) -> None:
    topic = kafka.topic()
    with TransactionalProducer(kafka.settings, transactional_id) as producer:
        with producer.transaction() as tx:
            tx.send_all(Output(topic, f"k{n}", b"%d" % n, [("source", b"test")]) for n in range(100))
            assert kafka.read_now(topic) == []
        records = kafka.read(topic)
    assert sorted(int(record.value) for record in records) == list(range(100))
    assert {tuple(record.headers) for record in records} == {(("source", b"test"),)}
    assert all(record.key == b"k" + record.value for record in records)


def test_a_transaction_without_messages_is_fine(kafka: KafkaClient, transactional_id: str) -> None:
    topic = kafka.topic()
    with TransactionalProducer(kafka.settings, transactional_id) as producer:
        with producer.transaction():
            pass
        with producer.transaction() as tx:
            tx.send(Output(topic, None, b"after"))
    assert [record.value for record in kafka.read(topic)] == [b"after"]


def test_more_messages_than_the_queue_holds_are_sent(kafka: KafkaClient, transactional_id: str) -> None:
    topic = kafka.topic(partitions=1)
    with TransactionalProducer(kafka.settings, transactional_id) as producer, producer.transaction() as tx:
        tx.send_all(Output(topic, None, b"%d" % n) for n in range(150_000))
    assert [int(record.value) for record in kafka.read(topic)] == list(range(150_000))


def test_a_message_that_cannot_be_delivered_aborts_and_a_later_transaction_works(
    kafka: KafkaClient, transactional_id: str
) -> None:
    topic = f"small-{secrets.token_hex(4)}"
    kafka.create(topic, 1, {"max.message.bytes": "1000"})
    with TransactionalProducer(kafka.settings, transactional_id) as producer:
        with pytest.raises(Aborted), producer.transaction() as tx:
            tx.send_all([Output(topic, None, b"fits"), Output(topic, None, secrets.token_bytes(5000))])

        def next_works() -> bool:
            try:
                with producer.transaction() as tx:
                    tx.send(Output(topic, None, b"next"))
            except Aborted:
                return False
            return True

        until(next_works, "a transaction is committed")
    assert [record.value for record in kafka.read(topic)] == [b"next"]


def test_a_second_producer_fences_the_first_and_ends_its_transaction(
    kafka: KafkaClient, transactional_id: str
) -> None:
    topic = kafka.topic(partitions=1)
    first = TransactionalProducer(kafka.settings, transactional_id)

    def publish_both() -> None:
        with first.transaction() as tx:
            tx.send(Output(topic, None, b"first"))
            second = TransactionalProducer(kafka.settings, transactional_id)
            with second, second.transaction() as other:
                other.send(Output(topic, None, b"second"))

    with pytest.raises(ProducerLost):
        publish_both()
    assert [record.value for record in kafka.read(topic)] == [b"second"]
    with pytest.raises(ProducerLost), first.transaction():
        pass


@pytest.mark.timeout(180)
@pytest.mark.thorough
def test_offsets_go_on_when_the_groups_coordinator_is_lost(cluster: Kafka, transactional_id: str) -> None:
    kafka = KafkaClient(cluster.bootstrap, replication=3)
    topic, group = f"topic-{secrets.token_hex(4)}", f"group-{secrets.token_hex(4)}"
    kafka.create(topic, 1, {"min.insync.replicas": "2"})
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "log_level": 0})
    member = consumer.consumer_group_metadata()
    with TransactionalProducer(kafka.settings, transactional_id) as producer:
        with producer.transaction() as tx:
            tx.offsets([TopicPartition(topic, 0, 1)], member)
        [described] = kafka.admin.describe_consumer_groups([group]).values()
        coordinator = described.result(30).coordinator.id
        with producer.transaction() as tx:
            cluster.brokers[coordinator].kill()
            until(
                lambda: coordinator not in producer._producer.list_topics(timeout=10).brokers,
                "its producer knows the broker is lost",
                60,
            )
            tx.offsets([TopicPartition(topic, 0, 2)], member)
    assert kafka.committed(group, topic) == {0: 2}
    consumer.close()


def test_no_broker_is_said_within_the_limit() -> None:
    with pytest.raises(KafkaUnavailable):
        TransactionalProducer(KafkaSettings(kafka_bootstrap="127.0.0.1:1", kafka_wait_seconds=0.5), "x")


def test_a_topic_that_does_not_exist_has_no_messages(kafka: KafkaClient) -> None:
    assert list(log_reader.read_committed_to_end(kafka.settings, "nowhere", bytes)) == []


def test_reading_without_a_broker_fails_within_the_limit() -> None:
    settings = KafkaSettings(kafka_bootstrap="127.0.0.1:1", kafka_wait_seconds=0.5)
    with pytest.raises(KafkaUnavailable):
        list(log_reader.read_committed_to_end(settings, "topic", bytes))


def test_an_open_transaction_does_not_hold_the_reader_up(kafka: KafkaClient, transactional_id: str) -> None:
    topic = kafka.topic(partitions=1)
    kafka.produce(topic, [b"before"])
    with TransactionalProducer(kafka.settings, transactional_id) as producer, producer.transaction() as tx:
        tx.send(Output(topic, None, b"open"))
        kafka.produce(topic, [b"behind"])
        assert [record.value for record in kafka.read_now(topic)][:1] == [b"before"]
        assert b"open" not in {record.value for record in kafka.read_now(topic)}


def test_what_cannot_be_decoded_is_left_out(kafka: KafkaClient) -> None:
    topic = kafka.topic(partitions=1)
    kafka.produce(topic, [b"1", b"x", None, b"2"])
    records = list(log_reader.read_committed_to_end(kafka.settings, topic, int))
    assert [(record.offset, record.value, record.raw) for record in records] == [(0, 1, b"1"), (3, 2, b"2")]


def test_a_range_is_read_from_its_first_to_before_its_last(kafka: KafkaClient) -> None:
    topic = kafka.topic(partitions=2)
    for partition in (0, 1):
        kafka.produce(topic, (b"%d" % n for n in range(50)), partition=partition)
    ranges = {0: (10, 20), 1: (45, 50)}
    batches = list(log_reader.read_ranges(kafka.settings, topic, ranges, bytes))
    read = [(record.partition, record.offset) for batch in batches for record in batch]
    assert sorted(read) == [(0, n) for n in range(10, 20)] + [(1, n) for n in range(45, 50)]
    assert list(log_reader.read_ranges(kafka.settings, topic, {0: (5, 5)}, bytes)) == []
