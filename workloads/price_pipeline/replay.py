"""The continuous replay: publishes each step of the withheld years when it is due."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter

import structlog
from confluent_kafka import KafkaException
from prometheus_client import Gauge

from workloads.kit import health
from workloads.kit.contracts import metrics
from workloads.kit.contracts.declared.price_pipeline import REPLAY_ID
from workloads.kit.contracts.sources.kinds import ReplaySource, Sources
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost, TransactionalProducer
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.opening import Clock, open_replay
from workloads.price_pipeline.publish import Window, publish
from workloads.price_pipeline.settings import ReplaySettings

_log = structlog.get_logger(__name__)


_STEPS = Gauge(metrics.REPLAY_STEPS, "Steps of the replay, first to last")
_PUBLISHED = Gauge(metrics.REPLAY_STEPS_PUBLISHED, "Steps of the replay that are on the topic")

_BACK_OFF_SECONDS = 2.0
_PATIENCE_SECONDS = 10.0


class Replay:
    """Runs until SIGTERM or SIGINT, or with `replay_at_end=exit` until the last step.

    Brokers that are away hold it up and no more: it starts anew from what the topic holds, so that no step
    is left out or published twice.
    """

    def __init__(
        self, settings: ReplaySettings, sources: Sources, config: ReplaySource, clock: Clock
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._config = config
        self._clock = clock
        self._stop = threading.Event()
        self._state = (False, "reading what was published")
        self._due_since: float | None = None

    def ready(self) -> tuple[bool, str]:
        """Whether every step that was due is published, or was due only just now."""
        since = self._due_since
        if since is not None and (waited := time.monotonic() - since) > _PATIENCE_SECONDS:
            return False, f"a step is due for {waited:.0f} s and not published: the brokers do not take it"
        return self._state

    def run(self) -> None:
        """Publish until stopped.

        Raises:
            SourceError: the files cannot be read.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        with health.serve(self._settings.metrics_port, ready=self.ready):
            while not self._stop.is_set():
                try:
                    self._publish()
                except (Aborted, ProducerLost, KafkaUnavailable, KafkaException) as error:
                    self._state = (False, f"held up: {error}")
                    _log.warning("replay_held_up", error=str(error))
                    self._stop.wait(_BACK_OFF_SECONDS)
        _log.info("replay_stopped")

    def _publish(self) -> None:
        """One producer's life."""
        with TransactionalProducer(self._settings, REPLAY_ID) as producer:
            ledger = Ledger.read(self._settings, self._sources.published)
            interval = self._settings.interval or self._config.interval
            source = open_replay(self._config, self._sources, ledger.anchor, self._clock, interval)
            _STEPS.set(source.steps)
            published = 0
            while not self._stop.is_set():
                if (due := source.due) > published:
                    self._due_since = self._due_since or time.monotonic()
                    counts: Counter[str] = Counter()
                    publish(
                        source,
                        Window(since=source.instant(published) if published else None),
                        ledger,
                        producer,
                        self._clock,
                        transaction_rows=self._settings.transaction_rows,
                        counts=counts,
                    )
                    published, self._due_since = due, None
                    _PUBLISHED.set(published)
                    _log.info("replay_step", step=published, of=source.steps, **counts)
                self._state = (True, f"published step {published} of {source.steps}")
                if published < source.steps:
                    self._stop.wait(source.seconds_to_next())
                    continue
                _log.info("replay_ended", steps=source.steps)
                self._state = (True, f"ended: all {source.steps} steps are published")
                if self._settings.replay_at_end == "exit":
                    self._stop.set()
                self._stop.wait()
