"""Where a consumer's outputs and offsets go together: one transaction, or one after the other."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from workloads.kit import kafka
from workloads.kit.kafka import KafkaUnavailable, error_of
from workloads.kit.producer import Aborted, ProducerLost, TransactionalProducer, produce
from workloads.kit.records import Output, Transient
from workloads.kit.settings import KafkaConsumerSettings


class OffsetsPending(Exception):
    """The outputs are durable, the offsets could not be committed: it happens while the group rebalances."""


class Sink(Protocol):
    """Makes outputs and the consumer's next offsets durable, in this order or at once."""

    def commit(
        self, outputs: Sequence[Output], offsets: Sequence[TopicPartition], consumer: Consumer
    ) -> None:
        """Returns when both are durable.

        Raises:
            Transient: not done; the same may be tried again.
            ProducerLost: whether it was done is known only from the committed offsets, after `reopen`.
            OffsetsPending: the outputs are durable, the offsets are not; they are to go with the next commit.
            KafkaUnavailable: no broker for `kafka_wait_seconds`.
        """
        ...

    def reopen(self) -> None:
        """Start anew after `ProducerLost`: waits until the lost transaction is committed or aborted."""
        ...


@contextmanager
def open_sink(settings: KafkaConsumerSettings, *, transactional: bool) -> Generator[Sink]:
    """The sink of a consumer group's member; the transactional id is the group's and the pod's names."""
    if transactional:
        sink = _InTransaction(settings)
        try:
            yield sink
        finally:
            sink.close()
    else:
        yield _Delivered(settings)


class _InTransaction:
    def __init__(self, settings: KafkaConsumerSettings) -> None:
        self._settings = settings
        self._producer = self._open()
        # The first transaction after an aborted one is often refused for a gap in the sequence numbers; a
        # producer made anew has none.
        self._aborted = False

    def commit(
        self, outputs: Sequence[Output], offsets: Sequence[TopicPartition], consumer: Consumer
    ) -> None:
        if self._aborted:
            self.reopen()
        try:
            with self._producer.transaction() as transaction:
                transaction.send_all(outputs)
                if offsets:
                    transaction.offsets(offsets, consumer.consumer_group_metadata())
        except Aborted:
            self._aborted = True
            raise

    def reopen(self) -> None:
        self._producer.close()
        self._producer = self._open()
        self._aborted = False

    def close(self) -> None:
        self._producer.close()

    def _open(self) -> TransactionalProducer:
        return TransactionalProducer(
            self._settings, f"{self._settings.kafka_group}.{self._settings.pod_name}"
        )


class _Delivered:
    def __init__(self, settings: KafkaConsumerSettings) -> None:
        self._settings = settings
        self._failures: list[KafkaError] = []
        self._producer = self._open()

    def commit(
        self, outputs: Sequence[Output], offsets: Sequence[TopicPartition], consumer: Consumer
    ) -> None:
        self._failures.clear()
        for output in outputs:
            produce(self._producer, output)
        wait = self._settings.kafka_wait_seconds
        deadline = time.monotonic() + wait
        while left := self._producer.flush(1.0):
            if time.monotonic() > deadline:
                raise KafkaUnavailable(f"{left} messages were not delivered within {wait:g} s")
        if self._failures:
            error = self._failures[0]
            raise (ProducerLost if error.fatal() else Transient)(f"not delivered: {error}")
        if offsets:
            try:
                consumer.commit(offsets=list(offsets), asynchronous=False)
            except KafkaException as failure:
                raise OffsetsPending(str(error_of(failure))) from failure

    def reopen(self) -> None:
        self._producer = self._open()

    def _open(self) -> Producer:
        return Producer({**kafka.writing(self._settings), "on_delivery": self._on_delivery})

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error)
