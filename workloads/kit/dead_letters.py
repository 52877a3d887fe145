"""Records set aside: what a dead letter holds, and when there are too many of them.

A dead letter is the message as it came, key and value, with headers that say where it stood and why it was
refused. It always fits: a value beyond `MAX_BYTES` is cut, and the headers `original_bytes` and
`original_sha256` then say what it was.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from confluent_kafka import Message

from workloads.kit.contracts import topics
from workloads.kit.records import Headers, Output, Record
from workloads.kit.settings import KafkaConsumerSettings

_log = structlog.get_logger(__name__)

MAX_BYTES: Final = 950_000
"""Of the value of a message. A client sends a million bytes at most, a broker takes 1,048,588 (the defaults
of both): what is left is for key, headers and framing."""

ORIGINAL_BYTES: Final = "original_bytes"
ORIGINAL_SHA256: Final = "original_sha256"

_MAX_KEY_BYTES: Final = 1_000
_MAX_HEADER_BYTES: Final = 2_000
_CUT: Final = "…".encode()


class Impossible(Exception):
    """Names, in a dead letter, a value that the market or nature cannot have: the topic keeps it, and all its
    consumers took it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that is set aside. `failure` is what the handler raised without naming the record."""

    partition: int
    offset: int
    key: bytes | None
    raw: bytes | None
    timestamp_ms: int
    error: str
    reason: str
    attempt: int
    failure: Exception | None = None

    @classmethod
    def of(
        cls, record: Record[Any], error: BaseException, reason: str, attempt: int, failure: Exception | None
    ) -> DeadLetter:
        """Of a record that was decoded; `error` names the class of the fault."""
        return cls(
            record.partition,
            record.offset,
            record.key,
            record.raw,
            record.timestamp_ms,
            type(error).__name__,
            reason,
            attempt,
            failure,
        )

    @classmethod
    def of_message(cls, message: Message, error: Exception) -> DeadLetter:
        """Of a message that cannot be decoded."""
        return cls(
            message.partition() or 0,
            message.offset() or 0,
            message.key(),
            message.value(),
            message.timestamp()[1],
            type(error).__name__,
            text_of(error),
            1,
        )

    def log(self, topic: str) -> None:
        """A line that says what was set aside, and why."""
        _log.warning(
            "dead_letter",
            topic=topic,
            partition=self.partition,
            offset=self.offset,
            error=self.error,
            reason=self.reason[:_MAX_HEADER_BYTES],
        )

    def output(self, topic: str, group: str) -> Output:
        """The message for the dead-letter topic of `topic`."""
        return letter(
            topic,
            self.key,
            self.raw,
            {
                "topic": topic,
                "partition": self.partition,
                "offset": self.offset,
                "group": group,
                "error": self.error,
                "reason": self.reason,
                "attempt": self.attempt,
                "schema_version": schema_version(self.raw),
            },
        )


def letter(topic: str, key: bytes | str | None, value: bytes | None, headers: Mapping[str, object]) -> Output:
    """A dead letter for what belongs to `topic`, cut to fit."""
    named = [(name, _header(content)) for name, content in headers.items()]
    if isinstance(key, str):
        key = key.encode(errors="backslashreplace")
    if value is not None and len(value) > MAX_BYTES:
        named += [
            (ORIGINAL_BYTES, b"%d" % len(value)),
            (ORIGINAL_SHA256, hashlib.sha256(value).hexdigest().encode()),
        ]
        value = value[:MAX_BYTES]
    return Output(topics.dead_letter(topic), key and key[:_MAX_KEY_BYTES], value, named)


def digest(raw: bytes, headers: Headers = ()) -> bytes:
    """SHA-256 of what a dead letter was made of, be it whole or cut."""
    said = dict(headers).get(ORIGINAL_SHA256)
    return bytes.fromhex(said.decode()) if said else hashlib.sha256(raw).digest()


def text_of(error: BaseException) -> str:
    """What an exception says, whatever it holds."""
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def schema_version(raw: bytes | None) -> str:
    """What refused bytes say of themselves; empty if they do not."""
    try:
        return str(_versioned(raw or b"").schema_version)
    except Exception:  # whatever they hold, they are refused already
        return ""


def _header(content: object) -> bytes:
    value = str(content).encode(errors="backslashreplace")
    return value if len(value) <= _MAX_HEADER_BYTES else value[:_MAX_HEADER_BYTES] + _CUT


class _Versioned(msgspec.Struct):
    schema_version: int


_versioned = msgspec.json.Decoder(_Versioned).decode


class TooManyDeadLetters(Exception):
    """More records were refused than the settings allow."""


class HandlerFailed(Exception):
    """The handler fails at whatever it is given: the fault is its own, not the records'."""


class Guard:
    """Tells bad records from code that is bad, or from a producer that has gone wrong."""

    def __init__(self, settings: KafkaConsumerSettings) -> None:
        self._window = settings.dead_letter_window
        self._ratio = settings.dead_letter_max_ratio
        self._failures_max = settings.handler_failures_max
        self._batches: deque[tuple[int, int]] = deque()  # records and refused ones among them
        self._failures = 0  # in a row, none processed since

    def check(
        self, records: int, dead: Sequence[DeadLetter], *, taken: bool = False, whole: bool = True
    ) -> None:
        """Whether `dead` of a batch's `records` may be set aside.

        Args:
            taken: whether the handler took any record of the batch.
            whole: whether all of the batch was tried.

        Raises:
            TooManyDeadLetters: more than the ratio of the last records are refused.
            HandlerFailed: the handler took none, and failed at more in a row than may be.
        """
        if not dead:
            return
        before = self._forget(records)
        refused = sum(count for _, count in self._batches) + len(dead)
        allowed = self._ratio * self._window
        failures = [letter.failure for letter in dead if letter.failure is not None]
        if failures and not taken and (whole or refused > allowed):
            in_a_row = self._failures + len(failures)
            if in_a_row > self._failures_max:
                raise HandlerFailed(
                    f"failed at {in_a_row} records in a row and took none of them: nothing of this batch is"
                    f" set aside ({self._failures_max} are allowed, HANDLER_FAILURES_MAX)"
                ) from failures[-1]
        if refused > allowed:
            newest = dead[-1]
            raise TooManyDeadLetters(
                f"{refused} of the last {before + records} records were refused, {allowed:g} are allowed"
                f" (DEAD_LETTER_MAX_RATIO of {self._window});"
                f" the newest: {newest.error}: {newest.reason[:_MAX_HEADER_BYTES]}"
            )

    def account(self, records: int, dead: Sequence[DeadLetter]) -> None:
        """A batch is committed."""
        self._forget(records)
        self._batches.append((records, len(dead)))
        failures = sum(letter.failure is not None for letter in dead)
        self._failures = self._failures + failures if len(dead) == records else 0

    def _forget(self, records: int) -> int:
        """Let go of batches that are out of the window once `records` more are in it; how many it holds."""
        held = sum(size for size, _ in self._batches)
        while self._batches and held + records - self._batches[0][0] >= self._window:
            held -= self._batches.popleft()[0]
        return held
