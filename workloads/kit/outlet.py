"""What is recorded beside the answers of a server: written in batches by a thread, and never waited for.

What waits here is bounded; what does not fit, or cannot be written by the end, is dropped, and counted.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec
import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from workloads.kit import kafka
from workloads.kit.codec import encode
from workloads.kit.records import Transient
from workloads.kit.settings import KafkaSettings

_BATCH: Final = 500
_GATHER_SECONDS: Final = 0.2
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0

_log: Any = structlog.get_logger(__name__)

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

Dropped = Callable[[int], object]
"""Is told how many records were dropped."""


class Sink(Protocol[T_contra]):
    """Where records go."""

    def write(self, records: Sequence[T_contra]) -> None:
        """Make them durable; all or none, or the same again. Transient where it cannot be done now."""
        ...

    def close(self, seconds: float) -> int:
        """End within `seconds`; returns how many of what was written were lost."""
        ...


class Outlet(Generic[T]):
    """A thread that writes what it is given to one sink, in batches, and again while the sink is away.

    Args:
        waiting: how many records may wait.
    """

    def __init__(self, name: str, sink: Sink[T], waiting: int, dropped: Dropped) -> None:
        self._name, self._sink, self._dropped = name, sink, dropped
        self._queue: queue.Queue[T] = queue.Queue(waiting)
        self._deadline: float | None = None
        self._closing = threading.Event()
        dropped(0)
        self._thread = threading.Thread(target=self._run, name=f"record-{name}", daemon=True)
        self._thread.start()

    def put(self, record: T) -> None:
        """Take a record; never waits."""
        try:
            if self._closing.is_set():
                raise queue.Full
            self._queue.put_nowait(record)
        except queue.Full:
            self._dropped(1)

    def close(self, seconds: float) -> None:
        """Write what waits, for `seconds` at most; the rest is dropped."""
        self._deadline = time.monotonic() + seconds
        self._closing.set()
        self._thread.join(seconds + 1)
        left = self._queue.qsize() + self._sink.close(max(0.0, self._deadline - time.monotonic()))
        if left:
            self._dropped(left)
            _log.error("records.dropped", outlet=self._name, count=left)

    def _run(self) -> None:
        while True:
            batch = self._gathered()
            if batch:
                self._write(batch)
            elif self._closing.is_set():
                return

    def _gathered(self) -> list[T]:
        batch: list[T] = []
        until = time.monotonic() + _GATHER_SECONDS
        while len(batch) < _BATCH:
            left = 0.0 if self._closing.is_set() else until - time.monotonic()
            try:
                batch.append(self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write(self, batch: list[T]) -> None:
        wait = _FIRST_WAIT
        while True:
            try:
                self._sink.write(batch)
                return
            except Transient as error:
                _log.warning("records.wait", outlet=self._name, count=len(batch), error=str(error))
            except Exception:
                # No other try would do better, and those behind it should not wait for it.
                _log.exception("records.failed", outlet=self._name, count=len(batch))
                self._dropped(len(batch))
                return
            if self._deadline is not None and time.monotonic() + wait > self._deadline:
                self._dropped(len(batch))
                return
            self._closing.wait(wait) if self._deadline is None else time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


class ToKafka:
    """Messages on their topic. librdkafka tries them again while no broker answers, and tells of those that
    it gave up.

    Args:
        patience: seconds that a batch waits for room while no broker takes anything.
    """

    def __init__(self, settings: KafkaSettings, name: str, dropped: Dropped, patience: float = 1.0) -> None:
        self._settings: dict[str, Any] = {**kafka.writing(settings), "on_delivery": self._delivered}
        self._producer = Producer(self._settings)
        self._name, self._dropped, self._patience = name, dropped, patience
        self._written = 0

    def write(self, records: Sequence[Any]) -> None:
        """Hand them to the producer; what it took of a batch it is not given again."""
        until = time.monotonic() + self._patience
        try:
            for record in records[self._written :]:
                self._hand(record, until)
                self._written += 1
        except Transient:
            raise
        except Exception:
            self._written = 0  # the batch does not come again
            raise
        self._written = 0
        self._producer.poll(0)

    def _hand(self, record: Any, until: float) -> None:
        message: msgspec.Struct = record
        while True:
            try:
                self._producer.produce(record.topic, encode(message), record.message_key)
                return
            except BufferError as error:
                self._producer.poll(0.2)
                if time.monotonic() > until:
                    raise Transient(f"nothing was delivered for {self._patience:g} s") from error
            except KafkaException as error:
                if not error.args[0].fatal():
                    raise  # of this record: another try would end as this one did
                self._renew()
                raise Transient(str(error)) from error

    def _renew(self) -> None:
        """A producer that has met a fatal error takes nothing any more; what was on its way is told of."""
        self._producer.purge()
        self._producer.flush(1)
        self._producer = Producer(self._settings)

    def close(self, seconds: float) -> int:
        """Deliver what is on its way."""
        return self._producer.flush(seconds)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._dropped(1)
            _log.warning("records.undelivered", outlet=self._name, error=str(error))
