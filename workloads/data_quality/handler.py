"""What data-quality does with a batch of prices or indicators."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from workloads.data_quality import metrics
from workloads.data_quality.alerts import alert, insert
from workloads.data_quality.rules.stale import LIVE, Rhythm
from workloads.data_quality.watch import SeriesId, Watch, id_of
from workloads.kit import metrics as of_loop
from workloads.kit.codec import encode
from workloads.kit.contracts.declared.data_quality import DATA_QUALITY
from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.quality import QualityAlert
from workloads.kit.db import Database
from workloads.kit.dead_letters import DeadLetter, Impossible
from workloads.kit.records import Output, Record

Save = Callable[[Sequence[QualityAlert]], None]
"""Makes alerts durable, at once; again the same ones change nothing."""

_NEWS: Final = timedelta(hours=1)
"""An alert of a message that was written longer ago is of the past: it is kept, and wakes nobody."""
_BEHIND: Final = timedelta(minutes=1)
_CALM_SECONDS: Final = 10.0


class QualityHandler:
    """Keeps what is usual of each series; stores and publishes an alert of each finding, and lays what is
    impossible on the dead-letter topic as well, as it came and with the reason.

    Which alerts there are, and their ids, follows from the topic alone. The topic keeps what is alerted: it
    is the record of what was published, whatever it was. What is impossible is counted as each dead letter of
    a consumer is, also where it is history: a source whose every row is impossible is somebody's to mend.
    """

    def __init__(
        self,
        topic: str,
        save: Save,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        group: str = DATA_QUALITY.name,
    ) -> None:
        self._topic = topic
        self._group = group
        self._save = save
        self._now = now
        self._watch = Watch()
        self._fresh: dict[int, dict[str, QualityAlert]] = {}
        self._impossible: dict[int, set[int]] = {}
        """Partition -> offsets of what was dead-lettered since the last commit."""
        self._dead_letters = of_loop.DEAD_LETTERS.labels(group, topic, Impossible.__name__)
        self._sources: set[str] = set()
        self._behind_at = time.monotonic()

    def restore(self, records: Sequence[Record[Message]]) -> None:
        self._look_back(records)
        for _ in self._watch.take(records):
            pass

    def forget(self, partitions: Collection[int]) -> None:
        self._watch.forget(partitions)
        for partition in partitions:
            self._fresh.pop(partition, None)
            self._impossible.pop(partition, None)

    def committed(self, partitions: Collection[int]) -> None:
        self._watch.settle(partitions)
        for source in self._watch.sources() - self._sources:
            metrics.begin(source)
            self._sources.add(source)
        for partition in partitions:
            for one in self._fresh.pop(partition, {}).values():
                metrics.ALERTS.labels(one.rule, one.severity, one.source).inc()
            self._dead_letters.inc(len(self._impossible.pop(partition, ())))

    def process(self, batch: Sequence[Record[Message]]) -> list[Output]:
        """Raises Transient where the database is away."""
        self._look_back(batch)
        now = self._now()
        alerts: dict[str, QualityAlert] = {}
        letters: dict[tuple[int, int], Output] = {}
        for record, finding in self._watch.take(batch):
            message = record.value
            made = alert(self._topic, id_of(message), finding, message.published_at, now)
            alerts[made.id] = made
            if made.severity == "critical":
                letters[record.partition, record.offset] = _set_aside(record, made, self._group)
                self._impossible.setdefault(record.partition, set()).add(record.offset)
            written = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
            if now - written <= _NEWS and written - message.published_at <= LIVE:
                self._fresh.setdefault(record.partition, {})[made.id] = made
        self._save(list(alerts.values()))
        told = [Output(QualityAlert.topic, one.source, encode(one)) for one in alerts.values()]
        return [*told, *letters.values()]

    def rhythms(self) -> Mapping[SeriesId, Rhythm] | None:
        """When each series is published; None while what is read is of the past, so that they are not known.
        May be called from another thread."""
        calm = time.monotonic() - self._behind_at >= _CALM_SECONDS
        return self._watch.rhythms() if calm else None

    def _look_back(self, records: Sequence[Record[Message]]) -> None:
        oldest = min(record.timestamp_ms for record in records)
        if self._now() - datetime.fromtimestamp(oldest / 1000, UTC) > _BEHIND:
            self._behind_at = time.monotonic()


def _set_aside(record: Record[Message], alert: QualityAlert, group: str) -> Output:
    reason = f"{alert.evidence}: expected {alert.expected}; quality alert {alert.id}; {alert.remedy}"
    found = DeadLetter.of(record, Impossible(), reason, 1, None)
    return found.output(record.topic, group)


def save_to(database: Database) -> Save:
    """Writes a batch's alerts in one transaction."""

    def save(alerts: Sequence[QualityAlert]) -> None:
        if alerts:
            with database.transaction() as connection:
                insert(connection, alerts)

    return save
