"""Writing to Kafka in transactions.

    with TransactionalProducer(settings, "price-pipeline") as producer:
        with producer.transaction() as tx:
            tx.send(Output("commodity-prices", key="WTI", value=encode(price)))

A transaction's messages become visible to `read_committed` readers together when its block ends, or never:
an exception in the block, a message that could not be delivered and a lost transaction all abort it.
A second producer with the same transactional id fences the first, which then raises `ProducerLost`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import structlog
from confluent_kafka import KafkaException, Producer, TopicPartition

from workloads.kit import kafka
from workloads.kit.kafka import KafkaUnavailable, error_of
from workloads.kit.records import Output, Transient
from workloads.kit.settings import KafkaSettings

_log = structlog.get_logger(__name__)

_CALL_SECONDS = 5.0
_LOST_COORDINATOR = {"enable.sparse.connections": False, "connections.max.idle.ms": 5_000}
"""librdkafka (2.16; its issues 5456 and 5511) looks for a group's new coordinator only when some connection
opens or closes, and asks whom it is connected to at that moment. With connections to all brokers, each closed
when it is idle, that is a few seconds; without, `Transaction.offsets` could hang past every timeout once the
coordinator's machine is lost."""


class Aborted(Transient):
    """The transaction was aborted: nothing of it became visible, and the same work may be tried again. The
    first transaction after that may be aborted as well, for a gap in the producer's sequence numbers."""


class ProducerLost(Exception):
    """The producer cannot go on: another took its transactional id over, or its transaction outlived the
    brokers' patience. Whoever owns it starts anew, which is safe: nothing uncommitted is visible."""


class Transaction:
    """The open transaction of a `TransactionalProducer`."""

    def __init__(self, producer: Producer, wait_seconds: float) -> None:
        self._producer = producer
        self._wait_seconds = wait_seconds

    def send(self, output: Output) -> None:
        """Queue one message; blocks while the queue is full."""
        produce(self._producer, output)

    def send_all(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            produce(self._producer, output)

    def offsets(self, offsets: Sequence[TopicPartition], group_metadata: Any) -> None:
        """Commit a consumer's next offsets with the transaction; `group_metadata` has to be fresh."""
        _retried(
            lambda: self._producer.send_offsets_to_transaction(list(offsets), group_metadata, _CALL_SECONDS),
            self._wait_seconds,
        )


class TransactionalProducer:
    """A producer that writes in transactions only. Not for use from several threads.

    Opening it fences older producers of `transactional_id` and waits for their open transaction's end.

    Raises:
        KafkaUnavailable: no broker answered within `kafka_wait_seconds`.
        ProducerLost: see there; at any call.
    """

    def __init__(self, settings: KafkaSettings, transactional_id: str) -> None:
        self._settings = settings
        self._closed = False
        timeout = settings.kafka_transaction_timeout_ms
        self._producer = Producer(
            {
                **kafka.writing(settings),
                **_LOST_COORDINATOR,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": timeout,
                "message.timeout.ms": timeout,
                "socket.timeout.ms": min(timeout, kafka.SOCKET_TIMEOUT_MS),
            }
        )
        self._call(self._producer.init_transactions)

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """A transaction, committed at the block's end and aborted on an exception.

        Raises:
            Aborted: it could not be committed and was aborted.
            ProducerLost, KafkaUnavailable: see above.
        """
        self._call(lambda _: self._producer.begin_transaction())
        try:
            yield Transaction(self._producer, self._settings.kafka_wait_seconds)
            self._call(self._producer.commit_transaction)
        except KafkaException as failure:
            error = error_of(failure)
            if error.fatal():
                raise ProducerLost(str(error)) from failure
            self._abort()
            raise Aborted(str(error)) from failure
        except (ProducerLost, KafkaUnavailable):
            raise
        except BaseException:
            self._abort()
            raise

    def close(self) -> None:
        """Close; a transaction that is open is aborted."""
        if self._closed:
            return
        self._closed = True
        self._producer.purge()
        # A producer that was lost cannot abort; the brokers do it.
        with suppress(KafkaException):
            self._producer.close()

    def __enter__(self) -> TransactionalProducer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _abort(self) -> None:
        try:
            self._call(self._producer.abort_transaction)
        except KafkaException as failure:
            raise ProducerLost(str(error_of(failure))) from failure

    def _call(self, call: Callable[[float], object]) -> None:
        """Call until it is done; an error that asks for an abort is the caller's."""
        _retried(lambda: call(_CALL_SECONDS), self._settings.kafka_wait_seconds)


def _retried(call: Callable[[], object], limit: float) -> None:
    deadline = time.monotonic() + limit
    while True:
        try:
            call()
            return
        except KafkaException as failure:
            error = error_of(failure)
            if error.fatal():
                raise ProducerLost(str(error)) from failure
            if not error.retriable() or error.txn_requires_abort():
                raise
            if time.monotonic() > deadline:
                raise KafkaUnavailable(f"{error} for {limit:g} s") from failure
            _log.warning("kafka_retry", error=str(error))
            time.sleep(0.1)


def produce(producer: Producer, output: Output) -> None:
    """Queue one message; while the queue is full, serves deliveries until there is room."""
    headers: list[tuple[str, str | bytes | None]] | None = [*output.headers] or None
    while True:
        try:
            producer.produce(output.topic, output.value, output.key, headers=headers)
            return
        except BufferError:
            producer.poll(0.1)
