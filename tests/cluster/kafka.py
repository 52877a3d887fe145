"""The live brokers, reached from this machine as a person would reach them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from tools import access
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Prediction


@dataclass(frozen=True)
class Message:
    """One message as it stands in a topic."""

    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


def bootstrap() -> str:
    """host:port of every broker."""
    brokers = (endpoint for endpoint in access.ENDPOINTS if endpoint.scheme == "kafka")
    return ",".join(access.where(endpoint) for endpoint in brokers)


def committed(topic: str, *, limit: float = 120) -> Iterator[Message]:
    """Every committed message of a topic from its beginning to its present end.

    Args:
        limit: seconds; AssertionError when the end is not reached by then.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap(),
            "group.id": "tests-read-only",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": False,
        }
    )
    try:
        partitions = [
            TopicPartition(topic, p, OFFSET_BEGINNING)
            for p in consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ]
        ends = {p.partition: consumer.get_watermark_offsets(p, timeout=30)[1] for p in partitions}
        consumer.assign(partitions)
        deadline = time.monotonic() + limit
        while not _at_end(consumer, partitions, ends):
            assert time.monotonic() < deadline, f"the end of {topic} was not reached in {limit:.0f} s"
            for message in consumer.consume(1000, timeout=0.5):
                if message.error() is None:
                    yield _plain(message)
    finally:
        consumer.close()


def produce(topic: str, key: bytes, value: bytes) -> None:
    """Send one message as it is and wait until all replicas have it."""
    produce_all([(topic, key, value)])


def produce_all(messages: Sequence[tuple[str, bytes, bytes]]) -> None:
    """Send messages, of topic, key and value, as they are and wait until all replicas have them."""
    failures: list[Any] = []
    producer = Producer({"bootstrap.servers": bootstrap(), "acks": "all"})
    for topic, key, value in messages:
        producer.produce(topic, key=key, value=value, on_delivery=lambda error, _: failures.append(error))
        producer.poll(0)
    assert producer.flush(60) == 0
    assert failures == [None] * len(messages)


def predictions(*, limit: float = 120) -> Iterator[Prediction]:
    """The predictions of a next session on their topic; forecasts of delivery days stand there too."""
    version, decode = msgspec.json.Decoder(_Version), msgspec.json.Decoder(Prediction)
    for message in committed(topics.ML_PREDICTIONS, limit=limit):
        if version.decode(message.value).schema_version == 1:
            yield decode.decode(message.value)


class _Version(msgspec.Struct):
    schema_version: int


def _at_end(consumer: Consumer, partitions: list[TopicPartition], ends: dict[int, int]) -> bool:
    # The position passes transaction markers, which no message shows.
    return all(ends[p.partition] == 0 or p.offset >= ends[p.partition] for p in consumer.position(partitions))


def _plain(message: Any) -> Message:
    headers = {name: value or b"" for name, value in message.headers() or []}
    return Message(message.key(), message.value() or b"", headers)
