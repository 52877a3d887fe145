"""Which partitions a member of a group holds, and the offsets of each that are committed or are to be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from workloads.kit.kafka import error_of
from workloads.kit.records import Output
from workloads.kit.sink import OffsetsPending, Sink

_log = structlog.get_logger(__name__)


class Offsets:
    """Next offsets by partition. `turn` is called while something is waited for, until `stopping` is set."""

    def __init__(self, topic: str, stopping: threading.Event, turn: Callable[[], None]) -> None:
        self._topic = topic
        self._stopping = stopping
        self._turn = turn
        self.committed: dict[int, int] = {}
        """Of each partition held; -1 where none is committed."""
        self._pending: dict[int, int] = {}  # of effects that are durable, where the commit failed

    def held(self) -> list[int]:
        """The partitions, in order."""
        return sorted(self.committed)

    def add(self, starts: Sequence[TopicPartition]) -> None:
        """These partitions came, to be read from there on."""
        self.committed.update({at.partition: max(at.offset, -1) for at in starts})

    def drop(self, partition: int) -> None:
        """It went away."""
        self._pending.pop(partition, None)
        self.committed.pop(partition, None)

    def commit(self, consumer: Consumer, sink: Sink, outputs: Sequence[Output]) -> None:
        """Make outputs and the positions reached durable; errors as those of `Sink.commit`, but that pending
        offsets are kept for the next time."""
        asked = [TopicPartition(self._topic, partition) for partition in self.committed]
        # A position is past the markers of transactions, where the last record's offset + 1 is not.
        offsets = [at for at in consumer.position(asked) if at.offset > self.committed[at.partition]]
        if not outputs and not offsets:
            return
        try:
            sink.commit(outputs, offsets, consumer)
        except OffsetsPending as failure:
            _log.warning("offsets_pending", error=str(failure))
            self._pending = {at.partition: at.offset for at in offsets}
            return
        self._pending.clear()
        self.committed.update({at.partition: at.offset for at in offsets})

    def commit_pending(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """A last try for offsets of durable effects, which the next owner would repeat otherwise."""
        offsets = [
            TopicPartition(at.topic, at.partition, self._pending.pop(at.partition))
            for at in partitions
            if at.partition in self._pending
        ]
        if offsets:
            try:
                consumer.commit(offsets=offsets, asynchronous=False)
            except KafkaException as failure:
                _log.warning("offsets_not_committed", error=str(error_of(failure)))

    def ask(self, consumer: Consumer) -> None:
        """Take the brokers' word for what is committed of the partitions held."""
        asked = [TopicPartition(self._topic, partition) for partition in self.committed]
        self.committed.clear()
        self.add(self.starts(consumer, asked))

    def starts(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The committed offsets. While a transaction of a partition's former owner is open they are not
        known yet: its end, at the latest its timeout, is waited for.

        One beyond the partition's end is of another topic of that name, which was made anew or restored: that
        is read from its start, since nobody says what of it was met before.
        """
        while not self._stopping.is_set():
            self._turn()
            try:
                found = consumer.committed(partitions, timeout=1.0)
                for at in found:
                    if at.error is not None:
                        raise KafkaException(at.error)
                return [TopicPartition(at.topic, at.partition, _start(consumer, at)) for at in found]
            except KafkaException as failure:
                error = error_of(failure)
                if error.fatal():
                    raise
                _log.info("waiting_for_offsets", error=str(error))
                self._stopping.wait(0.1)
        return partitions


def _start(consumer: Consumer, committed: TopicPartition) -> int:
    """Raises KafkaException where the brokers do not say where the partition ends."""
    if committed.offset < 0:
        return OFFSET_BEGINNING
    partition = TopicPartition(committed.topic, committed.partition)
    # Without an answer in time it gives nothing, whatever its type says.
    ends: tuple[int, ...] = consumer.get_watermark_offsets(partition, timeout=5.0) or ()
    if not ends or committed.offset <= ends[1]:
        return committed.offset
    _log.warning(
        "offset_beyond_end",
        topic=committed.topic,
        partition=committed.partition,
        committed=committed.offset,
        end=ends[1],
        remedy="the topic is another than the one that was read: it is read from its start",
    )
    return OFFSET_BEGINNING
