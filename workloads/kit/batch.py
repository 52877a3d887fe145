"""The records in hand, and how the handler gets them: all at once, and where it fails, halved until what it
fails at is found.

Of `n` records with `k` bad ones that takes about 2·k·log2(n/k) further calls. What is found is set aside:
the handler then gets it as it would after a restart, for its state alone, so that what follows from the
records after it does not depend on whether it was met or restored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Generic, TypeVar

import structlog

from workloads.kit.dead_letters import MAX_BYTES, DeadLetter, Guard, text_of
from workloads.kit.handler import Handler
from workloads.kit.records import Output, Poison, Record, Transient

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class OutputTooLarge(Exception):
    """A record makes a message that no broker takes."""


class Batch(Generic[T]):
    """Grows by what is fetched, shrinks by what goes away; `process` may be called until it succeeds."""

    def __init__(self, handler: Handler[T], guard: Guard, between: Callable[[], None]) -> None:
        """`between` is called before each call of the handler, and may raise to end `process`."""
        self._handler = handler
        self._guard = guard
        self._between = between
        self._records: list[Record[T]] = []
        self._undecodable: list[DeadLetter] = []
        self._refused: dict[tuple[int, int], DeadLetter] = {}
        self._taken = False
        self.attempt = 1
        self.version = 0
        """Another one whenever records came or went."""

    def __len__(self) -> int:
        return len(self._records) + len(self._undecodable)

    @property
    def dead(self) -> list[DeadLetter]:
        """What is set aside so far."""
        return [*self._undecodable, *self._refused.values()]

    @property
    def processed(self) -> int:
        """Records that the handler took or is still to take."""
        return len(self._records) - len(self._refused)

    @property
    def oldest_ms(self) -> int:
        """Kafka's timestamp of the oldest record; 0 where there is none."""
        return min((i.timestamp_ms for items in (self._records, self._undecodable) for i in items), default=0)

    def add(self, record: Record[T]) -> None:
        self._records.append(record)
        self.version += 1

    def refuse(self, undecodable: DeadLetter) -> None:
        self._undecodable.append(undecodable)
        self.version += 1

    def is_before(self, next_offsets: Mapping[int, int]) -> bool:
        """Whether these offsets are past all of it: it was one transaction, so all of it or none."""
        return all(
            at.offset < next_offsets[at.partition]
            for items in (self._records, self._undecodable)
            for at in items
        )

    def drop(self, partitions: Collection[int]) -> None:
        """These partitions went away."""
        self._keep(lambda partition, _: partition not in partitions)

    def clear(self) -> None:
        self._records, self._undecodable, self._refused, self.attempt = [], [], {}, 1

    def process(self) -> list[Output]:
        """Have the handler process all records but those that it fails at; returns its outputs.

        Raises:
            Transient: from the handler; what was found stays found.
            TooManyDeadLetters, HandlerFailed: nothing of the batch may be set aside.
        """
        self._taken = False
        outputs: list[Output] = []
        records, start = self._records, 0
        for at, record in enumerate(records if self._refused else ()):
            if (record.partition, record.offset) in self._refused:
                outputs += self._narrow(records[start:at])
                self._set_aside(record)
                start = at + 1
        outputs += self._narrow(records[start:])
        self._guard.check(len(self), self.dead, taken=self._taken)
        return outputs

    def _narrow(self, records: Sequence[Record[T]]) -> list[Output]:
        if not records:
            return []
        self._between()
        try:
            outputs = self._handler.process(records)
            if any(output.value is not None and len(output.value) > MAX_BYTES for output in outputs):
                raise OutputTooLarge(f"made a message of more than {MAX_BYTES} bytes")
            self._taken = True
            return list(outputs)
        except Transient:
            raise
        except Exception as error:
            fault = error
        at = _named(fault, records)
        if at is None and len(records) > 1:
            if len(records) == len(self._records):
                _log.warning("narrowing", records=len(records), error=text_of(fault), attempt=self.attempt)
            half = len(records) // 2
            return [*self._narrow(records[:half]), *self._narrow(records[half:])]
        at = at or 0
        before = self._narrow(records[:at])
        self._refuse(records[at], fault)
        return [*before, *self._narrow(records[at + 1 :])]

    def _refuse(self, record: Record[T], fault: Exception) -> None:
        poison = isinstance(fault, Poison)
        self._refused[record.partition, record.offset] = DeadLetter.of(
            record,
            (fault.__cause__ if poison else None) or fault,
            fault.reason if isinstance(fault, Poison) else text_of(fault),
            self.attempt,
            None if poison else fault,
        )
        self._guard.check(len(self), self.dead, taken=self._taken, whole=False)
        self._set_aside(record)

    def _set_aside(self, record: Record[T]) -> None:
        try:
            self._handler.restore([record])
        except Exception as error:  # the state is without it, as after a restart
            _log.info(
                "left_out_of_state",
                partition=record.partition,
                offset=record.offset,
                error=type(error).__name__,
            )

    def _keep(self, wanted: Callable[[int, int], bool]) -> None:
        self._records = [r for r in self._records if wanted(r.partition, r.offset)]
        self._undecodable = [d for d in self._undecodable if wanted(d.partition, d.offset)]
        self.version += 1
        self._refused = {at: letter for at, letter in self._refused.items() if wanted(*at)}


def _named(fault: Exception, records: Sequence[Record[T]]) -> int | None:
    """Index of the record that a `Poison` names; RuntimeError where that is none of these."""
    if not isinstance(fault, Poison) or fault.record is None:
        return None
    place = (fault.record.partition, fault.record.offset)
    for at, record in enumerate(records):
        if (record.partition, record.offset) == place:
            return at
    raise RuntimeError(
        f"refused {fault.record.topic}[{place[0]}]@{place[1]} is not in the handler's batch"
    ) from fault
