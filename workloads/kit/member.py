"""A member of a consumer group: the partitions that it holds, and what comes of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from workloads.kit import kafka
from workloads.kit.batch import Batch
from workloads.kit.handler import Handler, States
from workloads.kit.lag import Lag
from workloads.kit.offsets import Offsets
from workloads.kit.restore import restore
from workloads.kit.settings import KafkaConsumerSettings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_STATISTICS_MS = 2_000


class Member(Generic[T]):
    """Opened once. Partitions come and go while it polls, that is, within `fetch`: a partition's state is
    restored before its first message, and what is left of one that went away is dropped.
    """

    def __init__(
        self,
        settings: KafkaConsumerSettings,
        topic: str,
        decode: Callable[[bytes], T],
        handler: Handler[T],
        batch: Batch[T],
        stopping: threading.Event,
        *,
        restored: bool,
        states: States | None,
    ) -> None:
        """`batch` holds what was taken of `messages`; `restored` tells whether the handler has state, and
        `states` is where it is kept."""
        self._settings = settings
        self._topic = topic
        self._decode = decode
        self._handler = handler
        self._batch = batch
        self._stopping = stopping
        self._restored = restored
        self._states = states
        self.offsets = Offsets(topic, stopping, self.turn)
        self._lag = Lag(settings.kafka_group, topic, self.offsets.committed)
        self.consumer: Consumer
        self.messages: list[Message] = []
        """Fetched and not taken yet."""
        self.held_back = False
        """Whether nothing is to be fetched of any partition."""
        self._joined = False
        self._turned_at = time.monotonic()

    def open(self) -> None:
        """Join the group."""
        settings = self._settings
        self.consumer = Consumer(
            {
                **kafka.reading(settings),
                "group.id": settings.kafka_group,
                "client.id": settings.pod_name,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": settings.kafka_session_timeout_ms,
                "heartbeat.interval.ms": settings.kafka_heartbeat_ms,
                "max.poll.interval.ms": settings.kafka_max_poll_interval_ms,
                "queued.max.messages.kbytes": settings.kafka_prefetch_kbytes,
                "statistics.interval.ms": _STATISTICS_MS,
                "stats_cb": self._lag.update,
            }
        )
        try:
            self.consumer.subscribe(
                [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the group."""
        self.consumer.close()

    def fetch(self, count: int, seconds: float) -> None:
        """Add up to `count` messages to `messages`; fewer when `seconds` have passed."""
        # A rebalance within the call drops messages from `messages`, so they are added after it.
        for message in (fetched := self.consumer.consume(count, seconds)):
            error = message.error()
            if error is None:
                continue
            if error.fatal():
                raise KafkaException(error)
            _log.warning("kafka_error", error=str(error), topic=message.topic())
            fetched = [m for m in fetched if m.error() is None]
            break
        self.messages += fetched

    def turn(self) -> None:
        """It goes on: `ready` and `alive` look at when this was called last."""
        self._turned_at = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """Since the last turn."""
        return time.monotonic() - self._turned_at

    def ready(self) -> tuple[bool, str]:
        if not self._joined:
            return False, f"waiting for the group {self._settings.kafka_group} to assign partitions"
        age = self.idle_seconds
        if age > self._settings.ready_max_poll_age_seconds:
            return False, f"last poll {age:.0f} s ago"
        return True, f"assigned {self.offsets.held()}"

    def alive(self) -> tuple[bool, str]:
        age = self.idle_seconds
        return age < self._settings.kafka_max_poll_interval_ms / 1000, f"last poll {age:.0f} s ago"

    def pause(self) -> None:
        if not self.held_back:
            self.held_back = True
            self.consumer.pause(self.consumer.assignment())

    def release(self) -> None:
        if self.held_back:
            self.held_back = False
            self.consumer.resume(self.consumer.assignment())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            starts = self.offsets.starts(consumer, partitions)
            if self._restored:
                restore(
                    self._settings,
                    self._topic,
                    starts,
                    self._decode,
                    self._handler,
                    self._states,
                    self._stopping.is_set,
                    self.turn,
                )
            consumer.incremental_assign(starts)
            # A partition that went away while it was paused comes back paused.
            (consumer.pause if self.held_back else consumer.resume)(starts)
            self.offsets.add(starts)
        self._joined = True
        _log.info("assigned", new=sorted(p.partition for p in partitions), all=self.offsets.held())

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.offsets.commit_pending(consumer, partitions)
        self._drop(partitions)
        consumer.incremental_unassign(partitions)
        _log.info("revoked", gone=sorted(p.partition for p in partitions), all=self.offsets.held())

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._drop(partitions)
        self._joined = False
        consumer.incremental_unassign(partitions)
        _log.warning("lost", gone=sorted(p.partition for p in partitions))

    def _drop(self, partitions: Sequence[TopicPartition]) -> None:
        gone = {at.partition for at in partitions}
        self.messages = [m for m in self.messages if m.partition() not in gone]
        self._batch.drop(gone)
        for partition in gone:
            self.offsets.drop(partition)
            self._lag.remove(partition)
        self._handler.forget(gone)
