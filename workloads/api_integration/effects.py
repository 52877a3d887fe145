"""Records of calls, written beside the answers: a row of `api_audit` and an event on `api-events` each.

Answers wait for neither. What waits here is bounded; what does not fit, or cannot be written by the end, is
dropped, and counted.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from workloads.api_integration.metrics import DROPPED
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.kit import db, kafka
from workloads.kit.codec import encode
from workloads.kit.contracts import tables
from workloads.kit.contracts.api_events import ApiCall
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.records import Transient

_BATCH: Final = 500
_GATHER_SECONDS: Final = 0.2
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0

_log: Any = structlog.get_logger(__name__)


class Sink(Protocol):
    """Where records go."""

    def write(self, calls: Sequence[ApiCall]) -> None:
        """Make them durable; all or none, or the same again. Transient where it cannot be done now."""
        ...

    def close(self, seconds: float) -> int:
        """End within `seconds`; returns how many of what was written were lost."""
        ...


class Outlet:
    """A thread that writes what it is given to one sink, in batches, and again while the sink is away."""

    def __init__(self, name: str, sink: Sink, waiting: int) -> None:
        self._name, self._sink = name, sink
        self._queue: queue.Queue[ApiCall] = queue.Queue(waiting)
        self._deadline: float | None = None
        self._closing = threading.Event()
        DROPPED.labels(name).inc(0)
        self._thread = threading.Thread(target=self._run, name=f"record-{name}", daemon=True)
        self._thread.start()

    def put(self, call: ApiCall) -> None:
        """Take a record; never waits."""
        try:
            if self._closing.is_set():
                raise queue.Full
            self._queue.put_nowait(call)
        except queue.Full:
            DROPPED.labels(self._name).inc()

    def close(self, seconds: float) -> None:
        """Write what waits, for `seconds` at most; the rest is dropped."""
        self._deadline = time.monotonic() + seconds
        self._closing.set()
        self._thread.join(seconds + 1)
        left = self._queue.qsize() + self._sink.close(max(0.0, self._deadline - time.monotonic()))
        if left:
            DROPPED.labels(self._name).inc(left)
            _log.error("records.dropped", outlet=self._name, count=left)

    def _run(self) -> None:
        while True:
            batch = self._gathered()
            if batch:
                self._write(batch)
            elif self._closing.is_set():
                return

    def _gathered(self) -> list[ApiCall]:
        batch: list[ApiCall] = []
        until = time.monotonic() + _GATHER_SECONDS
        while len(batch) < _BATCH:
            left = 0.0 if self._closing.is_set() else until - time.monotonic()
            try:
                batch.append(self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write(self, batch: list[ApiCall]) -> None:
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
                DROPPED.labels(self._name).inc(len(batch))
                return
            if self._deadline is not None and time.monotonic() + wait > self._deadline:
                DROPPED.labels(self._name).inc(len(batch))
                return
            self._closing.wait(wait) if self._deadline is None else time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


class Audit:
    """Rows of `api_audit`. A row that is there already, of a batch whose commit was not heard of, stays."""

    def __init__(self, settings: ApiIntegrationSettings) -> None:
        self._database = db.Database(settings, application_name=API_INTEGRATION.name)
        columns = [name for name in ApiCall.__struct_fields__ if name != "schema_version"]
        self._statement = (
            f"INSERT INTO {tables.SCHEMA}.{tables.API_AUDIT} ({', '.join(columns)})"
            f" VALUES ({', '.join(f'%({name})s' for name in columns)}) ON CONFLICT DO NOTHING"
        ).encode()

    def write(self, calls: Sequence[ApiCall]) -> None:
        rows = [_storable(msgspec.structs.asdict(call)) for call in calls]
        with self._database.transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(self._statement, rows)

    def close(self, seconds: float) -> int:  # noqa: ARG002 - nothing waits here
        self._database.close()
        return 0


class Events:
    """Messages on `api-events`. librdkafka tries them again while no broker answers, and tells of those that
    it gave up."""

    def __init__(self, settings: ApiIntegrationSettings) -> None:
        self._producer = Producer({**kafka.writing(settings), "on_delivery": self._delivered})

    def write(self, calls: Sequence[ApiCall]) -> None:
        for call in calls:
            while True:
                try:
                    self._producer.produce(call.topic, encode(call), call.message_key)
                    break
                except BufferError:
                    self._producer.poll(0.2)
                except KafkaException as error:
                    raise Transient(str(error)) from error
        self._producer.poll(0)

    def close(self, seconds: float) -> int:
        return self._producer.flush(seconds)

    @staticmethod
    def _delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            DROPPED.labels("kafka").inc()
            _log.warning("records.undelivered", outlet="kafka", error=str(error))


class Effects:
    """All outlets of a worker."""

    def __init__(self, settings: ApiIntegrationSettings) -> None:
        self._seconds = settings.effects_close_seconds
        makes: dict[str, Callable[[ApiIntegrationSettings], Sink]] = {"postgres": Audit, "kafka": Events}
        self._outlets = [
            Outlet(name, make(settings), settings.effects_waiting) for name, make in makes.items()
        ]

    def record(self, call: ApiCall) -> None:
        """Take a call to be recorded; never waits."""
        for outlet in self._outlets:
            outlet.put(call)

    def close(self) -> None:
        """Write what waits, within the settings' time."""
        threads = [threading.Thread(target=one.close, args=(self._seconds,)) for one in self._outlets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL's text takes no NUL."""
    return {
        name: value.replace("\0", "\\0") if isinstance(value, str) else value for name, value in row.items()
    }
