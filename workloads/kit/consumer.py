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
    Cooperative-sticky: partitions that stay are never taken away. Before the first record of a partition the
    handler gets its state as of the committed offset: what `States` kept of it, and by `Handler.restore` the
    records since (`kit.restore`). A batch never spans a rebalance: callbacks come while polling only. Records
    in hand of a partition that went away are dropped unprocessed; its next owner reads them. `Handler.forget`
    is told.

Failures
    A record that cannot be decoded, or that the handler fails at, goes to `<topic>.dlq` as it came, with its
    reason, in the same transaction; the rest of its batch goes on (`kit.batch` finds it, `kit.dead_letters`
    says what is kept). Too many of them, or a handler that fails at everything, end the loop before that
    batch is committed: something is wrong with the code or the producer, and nothing more is moved aside.
    On `Transient`, or when the transaction had to be aborted, the loop keeps the batch, pauses its
    partitions, goes on polling (so it keeps its membership), and processes the same batch again after a
    back-off. As the batch is kept, no position has to be sought back.
    A lost producer (its transaction outlived the timeout, as when the network was cut) is made anew once the
    lost transaction has ended, and what the committed offsets do not cover is processed again. Lost again at
    once it has a rival with its transactional id (group and pod name), and the loop ends. So it does on a
    fatal Kafka error: without a commit, with an exit code that is not zero, so that Kubernetes starts it
    anew. A zombie's commits are refused by its group generation.

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
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final, Generic, TypeVar

import structlog
from confluent_kafka import KafkaException

from workloads.kit import metrics
from workloads.kit.batch import Batch
from workloads.kit.dead_letters import DeadLetter, Guard, TooManyDeadLetters, text_of
from workloads.kit.handler import Handler, States
from workloads.kit.kafka import KafkaUnavailable, error_of
from workloads.kit.member import Member
from workloads.kit.producer import ProducerLost
from workloads.kit.records import Output, Transient, decoded
from workloads.kit.settings import KafkaConsumerSettings
from workloads.kit.sink import Sink, open_sink

_log = structlog.get_logger(__name__)

T = TypeVar("T")

STOPPED: Final = 0
FAILED: Final = 1
TOO_MANY_DEAD_LETTERS: Final = 3

_POLL_SECONDS = 0.2
_IDLE_COMMIT_SECONDS = 1.0
_LAPSE_SECONDS = 2.0
"""A batch that the handler is called for again and again is polled beside after this."""
_RECOVERY_GAP_SECONDS = 60.0
"""A producer lost again within this has a rival with its transactional id: one of the two has to end."""


class _BatchChanged(Exception):
    """Records came, or went away with their partitions, while the batch was processed."""


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
        states: States | None = None,
        transactional: bool = True,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._decode = decode
        self._handler = handler
        self._states = states
        self._transactional = transactional
        self._group = settings.kafka_group

        self._stopping = threading.Event()
        self._guard = Guard(settings)
        self._batch: Batch[T] = Batch(handler, self._guard, self._keep_membership)
        self._member = Member(
            settings, topic, decode, handler, self._batch, self._stopping, restored=restore, states=states
        )
        self.ready = self._member.ready
        self.alive = self._member.alive
        self._recovered_at = -math.inf

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
                self._member.open()
                try:
                    return self._run(sink)
                finally:
                    self._member.close()
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

    def _install_signals(self) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)

    def _run(self, sink: Sink) -> int:
        idle_since = time.monotonic()
        while not self._stopping.is_set():
            self._member.turn()
            if self._fetch():
                self._finish_batch(sink)
                idle_since = time.monotonic()
            elif not self._member.messages and time.monotonic() - idle_since > _IDLE_COMMIT_SECONDS:
                # Where a stop left messages untaken, positions are past them: those are the next owner's.
                # Past a transaction's markers too, so that an idle group's lag is 0 for every observer.
                self._commit_idle(sink)
                idle_since = time.monotonic()
        _log.info("stopping", partitions=self._member.offsets.held())
        return STOPPED

    def _fetch(self) -> bool:
        """Fill the batch; False if nothing came."""
        self._member.fetch(1, _POLL_SECONDS)
        if not self._member.messages:
            return False
        wanted = self._settings.batch_max_records - 1
        if wanted:
            self._member.fetch(wanted, self._settings.batch_max_wait_ms / 1000)
        if self._stopping.is_set():
            return False
        self._take()
        return len(self._batch) > 0

    def _take(self) -> None:
        """Turn the fetched messages into records and dead letters."""
        decode, topic, batch = self._decode, self._topic, self._batch
        messages, self._member.messages = self._member.messages, []
        for message in messages:
            try:
                batch.add(decoded(message, topic, decode))
            except Exception as error:
                batch.refuse(DeadLetter.of_message(message, error))

    def _finish_batch(self, sink: Sink) -> None:
        """Process the batch until its effects and offsets are committed, it went away, or the loop stops."""
        started, batch = time.monotonic(), self._batch
        while batch:
            try:
                outputs = batch.process()
                self._commit(sink, [*outputs, *(d.output(self._topic, self._group) for d in batch.dead)])
            except _BatchChanged:
                continue
            except ProducerLost as failure:
                if self._recover(sink, failure):
                    self._account(started)
                    break
                if self._stopping.is_set():  # then nobody told whether it was committed
                    return
            except Transient as failure:
                self._hold(failure)
                if self._stopping.is_set():
                    return
            else:
                self._account(started)
                break
        batch.clear()
        self._member.release()
        self._paused.set(0)

    def _commit(self, sink: Sink, outputs: Sequence[Output]) -> None:
        self._member.offsets.commit(self._member.consumer, sink, outputs)

    def _account(self, started: float) -> None:
        batch, dead = self._batch, self._batch.dead
        held = self._member.offsets.held()
        self._handler.committed(held)
        if self._states:
            self._states.keep(held)
        self._batch_seconds.observe(time.monotonic() - started)
        if (oldest := batch.oldest_ms) > 0:
            self._latency.observe(max(0.0, time.time() - oldest / 1000))
        self._guard.account(len(batch), dead)
        self._processed.inc(batch.processed)
        self._dead_lettered.inc(len(dead))
        for letter in dead:
            metrics.DEAD_LETTERS.labels(self._group, self._topic, letter.error).inc()
            letter.log(self._topic)

    def _commit_idle(self, sink: Sink) -> None:
        try:
            self._commit(sink, ())
        except ProducerLost as failure:
            self._recover(sink, failure)
        except Transient as failure:
            _log.warning("idle_commit_failed", error=str(failure))

    def _recover(self, sink: Sink, failure: ProducerLost) -> bool:
        """Go on with a new producer; returns whether the lost transaction was committed, batch and all, which
        the committed offsets tell."""
        now = time.monotonic()
        if now - self._recovered_at < _RECOVERY_GAP_SECONDS:
            raise failure
        self._recovered_at = now
        _log.warning("producer_lost", error=str(failure))
        sink.reopen()
        offsets = self._member.offsets
        offsets.ask(self._member.consumer)
        return self._batch.is_before(offsets.committed)

    def _hold(self, failure: Transient) -> None:
        """Wait out the back-off before the next attempt, polling so that the group keeps this member."""
        self._member.pause()
        self._paused.set(1)
        settings, batch = self._settings, self._batch
        longest = min(settings.retry_cap_ms, settings.retry_first_ms * 2 ** min(batch.attempt - 1, 30)) / 1000
        delay = longest * random.uniform(0.5, 1)  # noqa: S311
        _log.warning("retrying", attempt=batch.attempt, seconds=round(delay, 3), error=text_of(failure))
        batch.attempt += 1
        self._retried.inc(batch.processed)
        deadline = time.monotonic() + delay
        while not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            self._member.turn()
            self._member.fetch(1, min(left, _POLL_SECONDS))
            # Positions are past whatever came after all, so it belongs to the batch.
            self._take()

    def _keep_membership(self) -> None:
        """Poll, where the handler's calls for one batch take so long that polls would lapse."""
        if self._member.idle_seconds < _LAPSE_SECONDS:
            return
        before = self._batch.version
        self._member.turn()
        self._member.pause()
        self._member.fetch(1, 0)
        self._take()
        if self._batch.version != before:
            raise _BatchChanged
