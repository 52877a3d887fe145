"""What flows through a consumer: records in, outputs out, and the two ways in which a record can fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import msgspec
from confluent_kafka import Message

from workloads.kit.contracts.messages import Delivered

T = TypeVar("T")

_CREDIBLE_MS: Final = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""From when on a timestamp may be that of the writing; those before, such as 0 or 1, are of clients without a
clock. Brokers take none that is an hour ahead of their own clock (message.timestamp.after.max.ms)."""

Headers = Sequence[tuple[str, bytes]]


class Record(msgspec.Struct, Generic[T], gc=False):
    """One message read from a topic. `timestamp_ms` is Kafka's (UTC, milliseconds), `raw` the bytes that
    `value` was decoded from. `headers` are filled in by `log_reader` only."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: T
    raw: bytes
    timestamp_ms: int
    headers: Headers = ()


class Output(msgspec.Struct, gc=False):
    """One message to write. The key decides the partition (murmur2, as Java clients do); None spreads."""

    topic: str
    key: bytes | str | None
    value: bytes | None
    headers: Headers = ()


class Poison(Exception):
    """A record can never be processed: it goes to the dead-letter topic, the rest of its batch goes on.

    None where it is not known which one of the batch it is, or how many: the loop finds out.
    """

    def __init__(self, record: Record[Any] | None, reason: str) -> None:
        super().__init__(reason)
        self.record = record
        self.reason = reason


class WrongKey(ValueError):
    """A message whose key is not the one that keeps its series together: its partition may be another's."""


class NoValue(ValueError):
    """A message without a value: no topic of the platform is compacted, so that it says nothing."""


class Transient(Exception):
    """Something that this needs is away: the same work is to be tried again later."""


def decoded(message: Message, topic: str, decode: Callable[[bytes], T]) -> Record[T]:
    """The record that a message of `topic` is.

    Raises:
        NoValue: it has none.
        WrongKey: what it holds belongs to another key.
        NotKnownYet: it was published after it was written.
        Exception: whatever `decode` raises.
    """
    raw = message.value()
    if raw is None:
        raise NoValue("the message has no value")
    value, key = decode(raw), message.key()
    due: str | None = getattr(value, "message_key", None)
    if due is not None and key != due.encode():
        raise WrongKey(f"the key is {key!r}, of a message of {due}: two partitions would share a series")
    written_ms = message.timestamp()[1]
    if isinstance(value, Delivered) and written_ms >= _CREDIBLE_MS:
        value.require_known(datetime.fromtimestamp(written_ms / 1000, UTC))
    return Record(topic, message.partition() or 0, message.offset() or 0, key, value, raw, written_ms)
