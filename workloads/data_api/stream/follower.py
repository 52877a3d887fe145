"""What comes on the topics from now on, read once a worker, without a group and without a commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from workloads.data_api.stream.places import Place
from workloads.kit import kafka
from workloads.kit.contracts.declaration import NO_GROUP
from workloads.kit.kafka import error_of
from workloads.kit.settings import KafkaSettings

_log: Any = structlog.get_logger(__name__)

_RETRY_SECONDS: Final = 1.0
_FIRST_SECONDS: Final = 30.0
"""How often it is asked where the topics begin by now."""
_BATCH: Final = 2_000


class Follower:
    """A thread that begins at the topics' ends and calls with each batch of messages, in order.

    Args:
        begun: called once with where it begins, before the first batch.
        arrived: called with messages, errors left out.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        begun: Callable[[Place], None],
        arrived: Callable[[list[Message]], None],
    ) -> None:
        self._settings, self._topics = settings, topics
        self._begun, self._arrived = begun, arrived
        self.first: Place = {}
        """Where the topics begin: what was before is gone."""
        self._reader: Consumer | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream-follower", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        reader = Consumer({**kafka.reading(self._settings), "group.id": NO_GROUP})
        try:
            place = self._ends(reader)
            if place is None:
                return
            reader.assign([TopicPartition(*key, offset) for key, offset in place.items()])
            self._reader = reader
            self._begun(place)
            asked = time.monotonic()
            while not self._stop.is_set():
                if time.monotonic() - asked > _FIRST_SECONDS:
                    self._look_where_they_begin(reader)
                    asked = time.monotonic()
                found = reader.consume(_BATCH, 0.05)
                if good := [one for one in found if one.error() is None]:
                    self._arrived(good)
                for one in found:
                    if (error := one.error()) is not None:
                        _log.warning("stream.kafka", topic=one.topic(), error=str(error))
        finally:
            self._reader = None
            reader.close()

    def ends(self) -> Place:
        """Where the topics end by now, as the brokers say; from any thread, once it has begun.

        Raises:
            KafkaException: they do not say.
        """
        if (reader := self._reader) is None:
            raise KafkaException(KafkaError(KafkaError._STATE))
        return {key: _bounds(reader, key, 2.0)[1] for key in self.first}

    def _look_where_they_begin(self, reader: Consumer) -> None:
        try:
            self.first = {key: _bounds(reader, key, 1.0)[0] for key in self.first}
        except KafkaException as failure:
            _log.warning("stream.kafka", error=str(error_of(failure)))

    def _ends(self, reader: Consumer) -> Place | None:
        """Where the topics end; tried until the brokers say so. None: it was told to stop."""
        while not self._stop.is_set():
            try:
                known = reader.list_topics(timeout=5.0).topics
                if missing := [name for name in self._topics if name not in known or known[name].error]:
                    _log.warning("stream.no_topic", topics=missing)
                else:
                    bounds = {
                        (name, partition): _bounds(reader, (name, partition), 5.0)
                        for name in self._topics
                        for partition in known[name].partitions
                    }
                    self.first = {key: first for key, (first, _) in bounds.items()}
                    return {key: end for key, (_, end) in bounds.items()}
            except KafkaException as failure:
                _log.warning("stream.kafka", error=str(error_of(failure)))
            self._stop.wait(_RETRY_SECONDS)
        return None


def _bounds(reader: Consumer, key: tuple[str, int], timeout: float) -> tuple[int, int]:
    return reader.get_watermark_offsets(TopicPartition(*key), timeout=timeout)
