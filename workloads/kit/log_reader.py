"""Reading a topic as a record of the past: from some offset to another, committed messages only, no group."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from workloads.kit import kafka, metrics
from workloads.kit.contracts.declaration import NO_GROUP
from workloads.kit.dead_letters import text_of
from workloads.kit.kafka import KafkaUnavailable, error_of
from workloads.kit.records import Record, decoded
from workloads.kit.settings import KafkaSettings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_BATCH = 10_000


class LeftOut:
    """Messages of a topic that a reader could not take: counted as a metric, and told of once at the end."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._errors: Counter[str] = Counter()
        self._first: str | None = None

    @property
    def count(self) -> int:
        return self._errors.total()

    def add(self, partition: int, offset: int, error: BaseException) -> None:
        """One more, and why."""
        name = type(error).__name__
        self._errors[name] += 1
        metrics.LEFT_OUT.labels(self._topic, name).inc()
        if self._first is None:
            self._first = f"[{partition}]@{offset}: {name}: {text_of(error)}"

    def tell(self) -> None:
        """Warn of them, if there are any."""
        if self._errors:
            _log.warning(
                "left_out",
                topic=self._topic,
                messages=self.count,
                errors=dict(self._errors),
                first=self._first,
            )


def read_committed_to_end(
    settings: KafkaSettings, topic: str, decode: Callable[[bytes], T], since: datetime | None = None
) -> Iterator[Record[T]]:
    """All committed messages that the topic has now, in offset order within a partition, with headers; or
    those from the first on that was written at `since` or later, by its own timestamp.

    Messages without a value and those that `decode` fails at, however it does, are left out and counted:
    their consumer dead-letters them. A topic that does not exist has none.

    Raises:
        KafkaUnavailable: no broker answered, or nothing more came, for `kafka_wait_seconds`.
    """
    left_out = LeftOut(topic)
    reader = Consumer({**kafka.reading(settings), "group.id": NO_GROUP, "enable.partition.eof": True})
    try:
        ranges = bounds(reader, settings, topic)
        if since is not None:
            ranges = _from(reader, topic, ranges, since)
        for batch in _batches(reader, settings, topic, ranges):
            for message in batch:
                if (record := _to_record(message, topic, decode, left_out)) is not None:
                    record.headers = [(k, _bytes(v)) for k, v in _headers(message)]
                    yield record
    finally:
        reader.close()
        left_out.tell()


def read_ranges(
    settings: KafkaSettings,
    topic: str,
    ranges: Mapping[int, tuple[int, int]],
    decode: Callable[[bytes], T],
    stop: Callable[[], bool] = lambda: False,
    left_out: LeftOut | None = None,
) -> Iterator[list[Record[T]]]:
    """Batches of the committed messages at partition → [from, to), in offset order within a partition.

    The same messages are left out, and the same errors raised, as by `read_committed_to_end`; they are
    counted in `left_out`, of which the caller tells, or else here at the end. Ends early once `stop()` holds.
    """
    counted = left_out or LeftOut(topic)
    reader = Consumer({**kafka.reading(settings), "group.id": NO_GROUP, "enable.partition.eof": True})
    try:
        for batch in _batches(reader, settings, topic, ranges, stop):
            found = (_to_record(message, topic, decode, counted) for message in batch)
            records = [record for record in found if record is not None]
            if records:
                yield records
    finally:
        reader.close()
        if left_out is None:
            counted.tell()


def _to_record(
    message: Message, topic: str, decode: Callable[[bytes], T], left_out: LeftOut
) -> Record[T] | None:
    try:
        return decoded(message, topic, decode)
    except Exception as error:  # a reader of the past stops at nothing that is in it
        left_out.add(message.partition() or 0, message.offset() or 0, error)
        return None


def bounds(reader: Consumer, settings: KafkaSettings, topic: str) -> dict[int, tuple[int, int]]:
    """Partition → [first, end) of what the topic has now; a topic that does not exist has none.

    Raises:
        KafkaUnavailable: no broker answered for `kafka_wait_seconds`.
    """
    deadline = time.monotonic() + settings.kafka_wait_seconds
    while True:
        try:
            found = reader.list_topics(topic, timeout=5.0).topics[topic]
            if found.error is not None:
                if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    return {}
                raise KafkaException(found.error)
            return {
                partition: reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=5.0)
                for partition in found.partitions
            }
        except KafkaException as failure:
            if time.monotonic() > deadline:
                raise KafkaUnavailable(f"{topic}: {error_of(failure)}") from failure


def _from(
    reader: Consumer, topic: str, ranges: Mapping[int, tuple[int, int]], since: datetime
) -> dict[int, tuple[int, int]]:
    """The ranges from the first message on that was written then or later."""
    at = int(since.timestamp() * 1000)
    asked = [TopicPartition(topic, partition, at) for partition in ranges]
    try:
        found = reader.offsets_for_times(asked, timeout=30.0) if asked else []
    except KafkaException as failure:
        raise KafkaUnavailable(f"{topic}: {error_of(failure)}") from failure
    first = {one.partition: one.offset for one in found}
    # Below 0 stands for the end: nothing was written since.
    return {
        partition: (first[partition] if first[partition] >= 0 else end, end)
        for partition, (_, end) in ranges.items()
    }


def _batches(
    reader: Consumer,
    settings: KafkaSettings,
    topic: str,
    ranges: Mapping[int, tuple[int, int]],
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[list[Message]]:
    ends = {partition: end for partition, (start, end) in ranges.items() if start < end}
    if not ends:
        return
    reader.assign([TopicPartition(topic, partition, ranges[partition][0]) for partition in ends])
    deadline = time.monotonic() + settings.kafka_wait_seconds
    while ends and not stop():
        batch: list[Message] = []
        for message in reader.consume(_BATCH, 0.1):
            partition, offset = message.partition(), message.offset()
            error = message.error()
            if error is not None:
                if error.fatal():
                    raise KafkaException(error)
                if error.code() != KafkaError._PARTITION_EOF:
                    _log.warning("kafka_read", topic=topic, error=str(error))
                    continue
            if partition is None or offset is None or partition not in ends:
                continue
            if error is None and offset < ends[partition]:
                batch.append(message)
            # Markers of transactions take offsets too, so the last message may lie well before the end.
            if offset + (error is None) >= ends[partition]:
                del ends[partition]
                reader.incremental_unassign([TopicPartition(topic, partition)])
        if batch:
            deadline = time.monotonic() + settings.kafka_wait_seconds
            yield batch
        elif time.monotonic() > deadline:
            raise KafkaUnavailable(
                f"{topic}: nothing came for {settings.kafka_wait_seconds:g} s; left: {ends}"
            )


def _headers(message: Message) -> list[tuple[str, str | bytes | None]]:
    headers = message.headers()
    return list(headers.items()) if isinstance(headers, dict) else headers or []


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
