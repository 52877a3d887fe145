"""A handler's state as of the committed offsets: what was kept of it, and the records since."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from workloads.kit import metrics
from workloads.kit.handler import Handler, States
from workloads.kit.log_reader import LeftOut, read_ranges
from workloads.kit.records import Record, Transient
from workloads.kit.settings import KafkaConsumerSettings

_log = structlog.get_logger(__name__)

T = TypeVar("T")


def restore(
    settings: KafkaConsumerSettings,
    topic: str,
    starts: Sequence[TopicPartition],
    decode: Callable[[bytes], T],
    handler: Handler[T],
    states: States | None,
    stop: Callable[[], bool],
    turn: Callable[[], None],
) -> None:
    """Give the handler what lies before `starts`: from where its kept state ends; without one from the start
    of each partition, or `restore_max_records` before. `turn` is called with each batch; ends early once
    `stop()` holds.

    What cannot be decoded, or taken in, is left out: it was set aside when it was met. It is counted, and
    warned of, since after a change of messages or code it may be more than was set aside.

    Raises:
        KafkaUnavailable: as `read_ranges`.
    """
    began, count, left_out = time.monotonic(), 0, LeftOut(topic)
    bound = settings.restore_max_records
    ends = {at.partition: max(0, at.offset) for at in starts}
    recalled: Mapping[int, int] = (
        _recalled(settings, handler, states, ends, stop, turn) if states else dict[int, int]()
    )
    ranges = {
        partition: (recalled.get(partition, OFFSET_BEGINNING if bound is None else max(0, end - bound)), end)
        for partition, end in ends.items()
        if end > 0
    }
    for records in read_ranges(settings, topic, ranges, decode, stop, left_out):
        turn()
        count += _take(handler, records, left_out)
        handler.committed(ranges)
        if states:
            states.keep(ranges)
    left_out.tell()
    metrics.RESTORED.labels(settings.kafka_group, topic).inc(count)
    _log.info(
        "restored",
        partitions=sorted(ranges),
        recalled=dict(recalled),
        records=count,
        left_out=left_out.count,
        seconds=round(time.monotonic() - began, 3),
    )


def _recalled(
    settings: KafkaConsumerSettings,
    handler: Handler[T],
    states: States,
    ends: Mapping[int, int],
    stop: Callable[[], bool],
    turn: Callable[[], None],
) -> Mapping[int, int]:
    """What `states` have. Where they cannot be asked for as long as Kafka would be waited for, the topic says
    the same, and takes longer."""
    deadline = time.monotonic() + settings.kafka_wait_seconds
    while not stop():
        turn()
        try:
            return states.recall(ends)
        except Transient as failure:
            if time.monotonic() > deadline:
                handler.forget(ends)
                _log.warning("state_not_recalled", error=str(failure), remedy="the topic is read")
                break
            _log.info("waiting_for_state", error=str(failure))
            time.sleep(min(1.0, settings.retry_cap_ms / 1000))
    return {}


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
