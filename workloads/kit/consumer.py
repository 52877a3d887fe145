"""The consumer loop: batches of one topic's records through a `Handler`, nothing lost, nothing doubled.

Batches
    A batch is up to `batch_max_records`, or what came within `batch_max_wait_ms` of its first record. Only
    committed messages are read. What was fetched and not processed yet is bounded by
    `kafka_prefetch_kbytes`, so a slow handler slows the fetching, not the memory.

Offsets after effects
    `Handler.process` makes its own effects durable before it returns, in a way that may be repeated (upserts
    by key). Transactional: its outputs, the dead letters and the group's next offsets are then committed in
    one Kafka transaction; readers of the outputs see each of them once. Not transactional: outputs and dead
    letters are delivered first, then the offsets are committed; a crash between repeats outputs.

Assignment
    Cooperative-sticky: partitions that stay are never taken away. Before the first record of a partition,
    `Handler.restore` gets that partition's records up to its committed offset, from its start or from
    `restore_max_records` before. A batch never spans a rebalance: callbacks come while polling only, when
    every earlier batch is committed, so a revoked partition has nothing to finish. Records in hand of a
    partition that went away are dropped unprocessed; its next owner reads them. `Handler.forget` is told.

Failures
    A record that cannot be decoded, or that the handler calls `Poison`, goes to `<topic>.dlq` as it came,
    with headers (topic, partition, offset, group, error class, reason, attempt, schema version) in the same
    transaction; the rest of its batch goes on. If more than `dead_letter_max_ratio` of
    `dead_letter_window` successive records are refused the loop halts before that batch is committed:
    something is wrong with the code or the producer, and nothing more is moved aside.
    On `Transient`, or when the transaction had to be aborted, the loop keeps the batch, pauses its
    partitions, goes on polling (so it keeps its membership), and processes the same batch again after a
    back-off. As the batch is kept, no position has to be sought back.
    A lost producer (its transaction outlived the timeout, as when the network was cut) is made anew once the
    lost transaction has ended, and what the committed offsets do not cover is processed again. Lost again at
    once it has a rival with its transactional id (group and pod name), and the loop ends. So it does on a
    fatal Kafka error and on any other exception of the handler: without a commit, with an exit code that is
    not zero, so that Kubernetes starts it anew. A zombie's commits are refused by its group generation.

Stop
    On SIGTERM or SIGINT the batch in hand is finished and committed, the group is left, the code is 0.
    A batch that waits out a transient failure is left to the next owner.

Exit codes: 0 stopped, 1 failed, 3 too many dead letters.
"""

from __future__ import annotations

import math
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final, Generic, Protocol, TypeVar

import msgspec
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from workloads.kit import kafka, log_reader, metrics
from workloads.kit.contracts import topics
from workloads.kit.kafka import KafkaUnavailable, error_of
from workloads.kit.producer import ProducerLost
from workloads.kit.records import Headers, Output, Poison, Record, Transient
from workloads.kit.settings import KafkaConsumerSettings
from workloads.kit.sink import OffsetsPending, Sink, open_sink

_log = structlog.get_logger(__name__)

T = TypeVar("T")

STOPPED: Final = 0
FAILED: Final = 1
TOO_MANY_DEAD_LETTERS: Final = 3

_POLL_SECONDS = 0.2
_IDLE_COMMIT_SECONDS = 1.0
_STATISTICS_MS = 2_000
_RECOVERY_GAP_SECONDS = 60.0
"""A producer lost again within this has a rival with its transactional id: one of the two has to end."""


class Handler(Protocol[T]):
    """What a workload does with its records."""

    def restore(self, records: Sequence[Record[T]]) -> None:
        """Rebuild state from records that were processed before: batches of newly assigned partitions, in
        offset order within a partition, before their first `process`. Those that `process` would call
        `Poison` are among them and have to be passed over."""
        ...

    def forget(self, partitions: Collection[int]) -> None:
        """These partitions went away: drop their state."""
        ...

    def process(self, batch: Sequence[Record[T]]) -> Sequence[Output]:
        """Make the batch's effects durable and return the messages to write. May be called again with the
        same records after `Transient`, `Poison` or an aborted transaction, so state and effects have to be
        idempotent by identity.

        Raises:
            Poison: this record can never be processed; called again without it.
            Transient: called again with the same records after a back-off.
        """
        ...


class _DeadLetter(msgspec.Struct):
    partition: int
    offset: int
    key: bytes | None
    raw: bytes | None
    timestamp_ms: int
    error: str
    reason: str
    attempt: int


class TooManyDeadLetters(Exception):
    """More records were refused than the settings allow."""


class ConsumerLoop(Generic[T]):
    """Runs a handler over a topic; the module says how. One `run` an object.

    `ready` and `alive` may be called from other threads: ready while the group has given this member its
    share (which may be no partition) and the last poll is young; alive while the loop turns.
    """

    def __init__(
        self,
        settings: KafkaConsumerSettings,
        topic: str,
        decode: Callable[[bytes], T],
        handler: Handler[T],
        *,
        restore: bool,
        transactional: bool = True,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._decode = decode
        self._handler = handler
        self._restore = restore
        self._transactional = transactional
        self._group = settings.kafka_group

        self._stopping = threading.Event()
        self._joined = False
        self._turned_at = time.monotonic()

        self._assigned: dict[int, int] = {}  # partition -> next offset that is committed, -1 if none is
        self._messages: list[Message] = []
        self._records: list[Record[T]] = []
        self._dead: list[_DeadLetter] = []
        self._pending: dict[int, int] = {}  # partition -> next offset of durable effects, not committed yet
        self._attempt = 1
        self._held = False
        self._recovered_at = -math.inf
        self._refused: deque[tuple[int, int]] = deque()

        self._batch_seconds = metrics.BATCH_SECONDS.labels(self._group, topic)
        self._latency = metrics.LATENCY_SECONDS.labels(self._group, topic)
        self._paused = metrics.PAUSED.labels(self._group, topic)
        self._processed = metrics.RECORDS.labels(self._group, topic, "processed")
        self._dead_lettered = metrics.RECORDS.labels(self._group, topic, "dead_letter")
        self._retried = metrics.RECORDS.labels(self._group, topic, "retried")
        self._paused.set(0)

    def run(self) -> int:
        """Process until `stop`, SIGTERM or SIGINT; returns the exit code."""
        self._install_signals()
        try:
            with open_sink(self._settings, transactional=self._transactional) as sink:
                return self._run(sink)
        except TooManyDeadLetters as error:
            _log.critical("halted", reason=str(error))
            return TOO_MANY_DEAD_LETTERS
        except (ProducerLost, KafkaUnavailable) as error:
            _log.error("kafka_lost", error=str(error))
            return FAILED
        except KafkaException as failure:
            _log.error("kafka_failed", error=str(error_of(failure)))
            return FAILED
        except Exception:
            _log.exception("consumer_failed")
            return FAILED

    def stop(self) -> None:
        """End `run` after the batch in hand."""
        self._stopping.set()

    def ready(self) -> tuple[bool, str]:
        if not self._joined:
            return False, f"waiting for the group {self._group} to assign partitions"
        age = time.monotonic() - self._turned_at
        if age > self._settings.ready_max_poll_age_seconds:
            return False, f"last poll {age:.0f} s ago"
        return True, f"assigned {sorted(self._assigned)}"

    def alive(self) -> tuple[bool, str]:
        age = time.monotonic() - self._turned_at
        return age < self._settings.kafka_max_poll_interval_ms / 1000, f"last poll {age:.0f} s ago"

    def _install_signals(self) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)

    def _run(self, sink: Sink) -> int:
        settings = self._settings
        consumer = Consumer(
            {
                **kafka.reading(settings),
                "group.id": self._group,
                "client.id": settings.pod_name,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": settings.kafka_session_timeout_ms,
                "heartbeat.interval.ms": settings.kafka_heartbeat_ms,
                "max.poll.interval.ms": settings.kafka_max_poll_interval_ms,
                "queued.max.messages.kbytes": settings.kafka_prefetch_kbytes,
                "statistics.interval.ms": _STATISTICS_MS,
                "stats_cb": self._on_statistics,
            }
        )
        try:
            consumer.subscribe(
                [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            idle_since = time.monotonic()
            while not self._stopping.is_set():
                self._turned_at = time.monotonic()
                if self._fetch(consumer):
                    self._finish_batch(consumer, sink)
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > _IDLE_COMMIT_SECONDS:
                    # Past a transaction's markers too, so that an idle group's lag is 0 for every observer.
                    self._commit_idle(consumer, sink)
                    idle_since = time.monotonic()
            _log.info("stopping", partitions=sorted(self._assigned))
            return STOPPED
        finally:
            consumer.close()

    def _fetch(self, consumer: Consumer) -> bool:
        """Fill the batch; False if nothing came."""
        self._consume(consumer, 1, _POLL_SECONDS)
        if not self._messages:
            return False
        wanted = self._settings.batch_max_records - 1
        if wanted:
            self._consume(consumer, wanted, self._settings.batch_max_wait_ms / 1000)
        if self._stopping.is_set():
            return False
        self._take()
        return bool(self._records or self._dead)

    def _consume(self, consumer: Consumer, count: int, seconds: float) -> None:
        # A rebalance within the call drops messages from `_messages`, so they are added after it.
        for message in (fetched := consumer.consume(count, seconds)):
            error = message.error()
            if error is None:
                continue
            if error.fatal():
                raise KafkaException(error)
            _log.warning("kafka_error", error=str(error), topic=message.topic())
            fetched = [m for m in fetched if m.error() is None]
            break
        self._messages += fetched

    def _take(self) -> None:
        """Turn the fetched messages into records and dead letters."""
        decode, topic, add = self._decode, self._topic, self._records.append
        for message in self._messages:
            raw = message.value()
            try:
                if raw is None:
                    raise ValueError("the message has no value")
                value = decode(raw)
            except ValueError as error:
                self._dead.append(self._refuse(message, raw, error))
                continue
            add(
                Record(
                    topic,
                    message.partition(),  # pyright: ignore[reportArgumentType]
                    message.offset(),  # pyright: ignore[reportArgumentType]
                    message.key(),
                    value,
                    raw,
                    message.timestamp()[1],
                )
            )
        self._messages = []

    def _refuse(self, message: Message, raw: bytes | None, error: ValueError) -> _DeadLetter:
        return _DeadLetter(
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            key=message.key(),
            raw=raw,
            timestamp_ms=message.timestamp()[1],
            error=type(error).__name__,
            reason=str(error),
            attempt=1,
        )

    def _finish_batch(self, consumer: Consumer, sink: Sink) -> None:
        """Process the batch until its effects and offsets are committed, it went away, or the loop stops."""
        started = time.monotonic()
        self._attempt = 1
        while self._records or self._dead:
            try:
                outputs = self._process()
                self._check_dead_letters()
                self._commit(consumer, sink, [*outputs, *map(self._dead_letter, self._dead)])
            except ProducerLost as failure:
                self._recover(consumer, sink, failure)
            except Transient as failure:
                self._hold(consumer, failure)
                if self._stopping.is_set():
                    return
            else:
                self._account(started)
                break
        self._records, self._dead = [], []
        self._release(consumer)

    def _process(self) -> Sequence[Output]:
        while self._records:
            try:
                return self._handler.process(self._records)
            except Poison as poison:
                self._remove(poison)
        return ()

    def _remove(self, poison: Poison) -> None:
        record = poison.record
        kept = [r for r in self._records if (r.partition, r.offset) != (record.partition, record.offset)]
        if len(kept) == len(self._records):
            raise RuntimeError(
                f"refused {record.topic}[{record.partition}]@{record.offset} is not in the handler's batch"
            ) from poison
        self._records = kept
        cause = poison.__cause__
        self._dead.append(
            _DeadLetter(
                partition=record.partition,
                offset=record.offset,
                key=record.key,
                raw=record.raw,
                timestamp_ms=record.timestamp_ms,
                error=type(cause or poison).__name__,
                reason=poison.reason,
                attempt=self._attempt,
            )
        )

    def _dead_letter(self, dead: _DeadLetter) -> Output:
        return Output(topics.dead_letter(self._topic), dead.key, dead.raw, self._headers(dead))

    def _headers(self, dead: _DeadLetter) -> Headers:
        values = {
            "topic": self._topic,
            "partition": dead.partition,
            "offset": dead.offset,
            "group": self._group,
            "error": dead.error,
            "reason": dead.reason,
            "attempt": dead.attempt,
            "schema_version": _schema_version(dead.raw),
        }
        return [(name, str(value).encode()) for name, value in values.items()]

    def _check_dead_letters(self) -> None:
        window = self._settings.dead_letter_window
        records = sum(size for size, _ in self._refused) + len(self._records) + len(self._dead)
        while self._refused and records - self._refused[0][0] >= window:
            records -= self._refused.popleft()[0]
        refused = sum(dead for _, dead in self._refused) + len(self._dead)
        allowed = self._settings.dead_letter_max_ratio * window
        if self._dead and refused > allowed:
            newest = self._dead[-1]
            raise TooManyDeadLetters(
                f"{refused} of the last {max(records, window)} records were refused, {allowed:g} are allowed"
                f" (DEAD_LETTER_MAX_RATIO); the newest: {newest.error}: {newest.reason}"
            )

    def _account(self, started: float) -> None:
        now = time.monotonic()
        self._batch_seconds.observe(now - started)
        oldest = min(
            (item.timestamp_ms for items in (self._records, self._dead) for item in items), default=0
        )
        if oldest > 0:
            self._latency.observe(max(0.0, time.time() - oldest / 1000))
        self._refused.append((len(self._records) + len(self._dead), len(self._dead)))
        self._processed.inc(len(self._records))
        if self._dead:
            self._dead_lettered.inc(len(self._dead))
            for dead in self._dead:
                metrics.DEAD_LETTERS.labels(self._group, self._topic, dead.error).inc()
                _log.warning(
                    "dead_letter",
                    topic=self._topic,
                    partition=dead.partition,
                    offset=dead.offset,
                    error=dead.error,
                    reason=dead.reason,
                )

    def _commit(self, consumer: Consumer, sink: Sink, outputs: Sequence[Output]) -> None:
        asked = [TopicPartition(self._topic, partition) for partition in self._assigned]
        # A position is past the markers of transactions, where the last record's offset + 1 is not.
        offsets = [at for at in consumer.position(asked) if at.offset > self._assigned[at.partition]]
        if outputs or offsets:
            try:
                sink.commit(outputs, offsets, consumer)
            except OffsetsPending as failure:
                _log.warning("offsets_pending", error=str(failure))
                self._pending = {at.partition: at.offset for at in offsets}
                return
            self._pending.clear()
            self._assigned.update({at.partition: at.offset for at in offsets})

    def _commit_idle(self, consumer: Consumer, sink: Sink) -> None:
        try:
            self._commit(consumer, sink, ())
        except ProducerLost as failure:
            self._recover(consumer, sink, failure)
        except Transient as failure:
            _log.warning("idle_commit_failed", error=str(failure))

    def _recover(self, consumer: Consumer, sink: Sink, failure: ProducerLost) -> None:
        """Go on with a new producer; what the lost transaction did, the committed offsets tell."""
        now = time.monotonic()
        if now - self._recovered_at < _RECOVERY_GAP_SECONDS:
            raise failure
        self._recovered_at = now
        _log.warning("producer_lost", error=str(failure))
        sink.reopen()
        asked = [TopicPartition(self._topic, partition) for partition in self._assigned]
        self._assigned = {at.partition: max(at.offset, -1) for at in self._starts(consumer, asked)}
        next_offset = self._assigned
        self._records = [r for r in self._records if r.offset >= next_offset[r.partition]]
        self._dead = [d for d in self._dead if d.offset >= next_offset[d.partition]]

    def _hold(self, consumer: Consumer, failure: Transient) -> None:
        """Wait out the back-off before the next attempt, polling so that the group keeps this member."""
        if not self._held:
            self._held = True
            self._paused.set(1)
            consumer.pause(consumer.assignment())
        settings = self._settings
        longest = min(settings.retry_cap_ms, settings.retry_first_ms * 2 ** min(self._attempt - 1, 30)) / 1000
        delay = longest * random.uniform(0.5, 1)  # noqa: S311
        _log.warning("retrying", attempt=self._attempt, seconds=round(delay, 3), error=str(failure))
        self._attempt += 1
        self._retried.inc(len(self._records))
        deadline = time.monotonic() + delay
        while not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            self._turned_at = time.monotonic()
            self._consume(consumer, 1, min(left, _POLL_SECONDS))
            # Positions are past whatever came after all, so it belongs to the batch.
            self._take()

    def _release(self, consumer: Consumer) -> None:
        if self._held:
            self._held = False
            self._paused.set(0)
            consumer.resume(consumer.assignment())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            starts = self._starts(consumer, partitions)
            if self._restore:
                self._replay(starts)
            consumer.incremental_assign(starts)
            # A partition that went away while it was paused comes back paused.
            (consumer.pause if self._held else consumer.resume)(starts)
            self._assigned.update({at.partition: max(at.offset, -1) for at in starts})
        self._joined = True
        _log.info("assigned", new=sorted(p.partition for p in partitions), all=sorted(self._assigned))

    def _starts(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The committed offsets. While a transaction of a partition's former owner is open they are not
        known yet: its end, at the latest its timeout, is waited for."""
        while not self._stopping.is_set():
            self._turned_at = time.monotonic()
            try:
                found = consumer.committed(partitions, timeout=1.0)
                for at in found:
                    if at.error is not None:
                        raise KafkaException(at.error)
            except KafkaException as failure:
                error = error_of(failure)
                if error.fatal():
                    raise
                _log.info("waiting_for_offsets", error=str(error))
                self._stopping.wait(0.1)
                continue
            return [
                TopicPartition(at.topic, at.partition, at.offset if at.offset >= 0 else OFFSET_BEGINNING)
                for at in found
            ]
        return partitions

    def _replay(self, starts: Sequence[TopicPartition]) -> None:
        bound = self._settings.restore_max_records
        ranges = {
            at.partition: (OFFSET_BEGINNING if bound is None else max(0, at.offset - bound), at.offset)
            for at in starts
            if at.offset > 0
        }
        began, count = time.monotonic(), 0
        for records in log_reader.read_ranges(
            self._settings, self._topic, ranges, self._decode, self._stopping.is_set
        ):
            self._turned_at = time.monotonic()
            self._handler.restore(records)
            count += len(records)
        _log.info(
            "restored", partitions=sorted(ranges), records=count, seconds=round(time.monotonic() - began, 3)
        )

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit_pending(consumer, partitions)
        self._drop(partitions)
        consumer.incremental_unassign(partitions)
        _log.info("revoked", gone=sorted(p.partition for p in partitions), all=sorted(self._assigned))

    def _commit_pending(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
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

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._drop(partitions)
        self._joined = False
        consumer.incremental_unassign(partitions)
        _log.warning("lost", gone=sorted(p.partition for p in partitions))

    def _drop(self, partitions: Sequence[TopicPartition]) -> None:
        gone = {at.partition for at in partitions}
        self._messages = [m for m in self._messages if m.partition() not in gone]
        self._records = [r for r in self._records if r.partition not in gone]
        self._dead = [d for d in self._dead if d.partition not in gone]
        for partition in gone:
            self._pending.pop(partition, None)
            self._assigned.pop(partition, None)
            self._remove_lag(partition)
        self._handler.forget(gone)

    def _on_statistics(self, statistics: str) -> None:
        found = _statistics(statistics)
        partitions = found.topics[self._topic].partitions if self._topic in found.topics else {}
        for partition, committed in self._assigned.items():
            at = partitions.get(str(partition))
            if at is not None and at.ls_offset >= 0:
                behind = at.ls_offset - max(committed, at.lo_offset, 0)
                metrics.LAG.labels(self._group, self._topic, partition).set(max(0, behind))

    def _remove_lag(self, partition: int) -> None:
        # KeyError where no statistics came while the partition was here.
        with suppress(KeyError):
            metrics.LAG.remove(self._group, self._topic, partition)


class _PartitionStatistics(msgspec.Struct):
    lo_offset: int
    ls_offset: int


class _TopicStatistics(msgspec.Struct):
    partitions: dict[str, _PartitionStatistics]


class _Statistics(msgspec.Struct):
    topics: dict[str, _TopicStatistics]


_statistics = msgspec.json.Decoder(_Statistics).decode


class _Versioned(msgspec.Struct):
    schema_version: int


_versioned = msgspec.json.Decoder(_Versioned).decode


def _schema_version(raw: bytes | None) -> str:
    """What the refused bytes say of themselves; empty if they do not."""
    try:
        return str(_versioned(raw or b"").schema_version)
    except ValueError:
        return ""
