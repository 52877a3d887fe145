"""Rebuilding a handler's state from the records of a topic that were processed before."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from workloads.kit import metrics
from workloads.kit.handler import Handler
from workloads.kit.log_reader import LeftOut, read_ranges
from workloads.kit.records import Record
from workloads.kit.settings import KafkaConsumerSettings

_log = structlog.get_logger(__name__)

T = TypeVar("T")


def restore(
    settings: KafkaConsumerSettings,
    topic: str,
    starts: Sequence[TopicPartition],
    decode: Callable[[bytes], T],
    handler: Handler[T],
    stop: Callable[[], bool],
    turn: Callable[[], None],
) -> None:
    """Give the handler what lies before `starts`: from the start of each partition, or `restore_max_records`
    before. `turn` is called with each batch; ends early once `stop()` holds.

    What cannot be decoded, or taken in, is left out: it was set aside when it was met. It is counted, and
    warned of, since after a change of messages or code it may be more than was set aside.

    Raises:
        KafkaUnavailable: as `read_ranges`.
    """
    bound = settings.restore_max_records
    ranges = {
        at.partition: (OFFSET_BEGINNING if bound is None else max(0, at.offset - bound), at.offset)
        for at in starts
        if at.offset > 0
    }
    began, count, left_out = time.monotonic(), 0, LeftOut(topic)
    for records in read_ranges(settings, topic, ranges, decode, stop, left_out):
        turn()
        count += _take(handler, records, left_out)
        handler.committed(ranges)
    left_out.tell()
    metrics.RESTORED.labels(settings.kafka_group, topic).inc(count)
    _log.info(
        "restored",
        partitions=sorted(ranges),
        records=count,
        left_out=left_out.count,
        seconds=round(time.monotonic() - began, 3),
    )


def _take(handler: Handler[T], records: Sequence[Record[T]], left_out: LeftOut) -> int:
    """Restore all but those that the handler fails at, found by halving; returns how many it took."""
    if not records:
        return 0
    try:
        handler.restore(records)
    except Exception as error:
        if len(records) == 1:
            left_out.add(records[0].partition, records[0].offset, error)
            return 0
    else:
        return len(records)
    half = len(records) // 2
    return _take(handler, records[:half], left_out) + _take(handler, records[half:], left_out)
