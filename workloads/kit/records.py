"""What flows through a consumer: records in, outputs out, and the two ways in which a record can fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")

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
    """This record can never be processed: it goes to the dead-letter topic, the rest of its batch goes on."""

    def __init__(self, record: Record[Any], reason: str) -> None:
        super().__init__(reason)
        self.record = record
        self.reason = reason


class Transient(Exception):
    """Something that this needs is away: the same work is to be tried again later."""
