"""What a consumer does with its records, as the loop asks it to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from workloads.kit.records import Output, Record

T = TypeVar("T")


class Handler(Protocol[T]):
    """What a workload does with its records."""

    def restore(self, records: Sequence[Record[T]]) -> None:
        """Take records into the state that have no effects of their own any more: those of a newly assigned
        partition that were processed before, in offset order, and those that were set aside just now. What
        an exception is raised for is left out, now and after every restart."""
        ...

    def forget(self, partitions: Collection[int]) -> None:
        """These partitions went away: drop their state."""
        ...

    def process(self, batch: Sequence[Record[T]]) -> Sequence[Output]:
        """Make the batch's effects durable and return the messages to write.

        Until `committed` is called the same records may come again, all or a part of them, from any record
        that came since on: state and effects have to be idempotent by identity.

        Raises:
            Poison: a record, which it may name, can never be processed.
            Transient: called again with the same records after a back-off.
            Exception: any other is taken for a record's fault, if the others go through without it.
        """
        ...

    def committed(self, partitions: Collection[int]) -> None:
        """Everything that was given of these partitions so far is durable: none of it comes again. What was
        given of others still may, as when one is restored while a batch waits for its next try."""
        ...


class States(Protocol):
    """What a handler's state was as of some offset of each partition, kept where the next owner finds it."""

    def recall(self, ends: Mapping[int, int]) -> Mapping[int, int]:
        """Bring back the state of newly assigned partitions.

        Args:
            ends: partition → its next offset by the group; 0 where there is none.

        Returns:
            partition → offset from which on records are to be restored; none where no state is to be had.

        Raises:
            Transient: it could not be found out.
        """
        ...

    def keep(self, partitions: Collection[int]) -> None:
        """Everything that the handler was given of these partitions is committed: keep it, if it is time."""
        ...
