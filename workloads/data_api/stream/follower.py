"""What comes on the topics from now on, read once a worker, without a group and without a commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from workloads.data_api.stream.places import Place
from workloads.kit import kafka
from workloads.kit.contracts.declaration import NO_GROUP
from workloads.kit.kafka import error_of
from workloads.kit.settings import KafkaSettings

_log: Any = structlog.get_logger(__name__)

_RETRY_SECONDS: Final = 1.0
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
            self._begun(place)
            while not self._stop.is_set():
                found = reader.consume(_BATCH, 0.05)
                if good := [one for one in found if one.error() is None]:
                    self._arrived(good)
                for one in found:
                    if (error := one.error()) is not None:
                        _log.warning("stream.kafka", topic=one.topic(), error=str(error))
        finally:
            reader.close()

    def _ends(self, reader: Consumer) -> Place | None:
        """Where the topics end; tried until the brokers say so. None: it was told to stop."""
        while not self._stop.is_set():
            try:
                known = reader.list_topics(timeout=5.0).topics
                if missing := [name for name in self._topics if name not in known or known[name].error]:
                    _log.warning("stream.no_topic", topics=missing)
                else:
                    return {
                        (name, partition): reader.get_watermark_offsets(
                            TopicPartition(name, partition), timeout=5.0
                        )[1]
                        for name in self._topics
                        for partition in known[name].partitions
                    }
            except KafkaException as failure:
                _log.warning("stream.kafka", error=str(error_of(failure)))
            self._stop.wait(_RETRY_SECONDS)
        return None
