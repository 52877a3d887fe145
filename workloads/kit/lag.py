"""How far a group is behind, from the statistics of its members' clients."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from workloads.kit import metrics


class Lag:
    """Keeps `carbon_consumer_lag_messages` of the partitions that this member holds."""

    def __init__(self, group: str, topic: str, committed: Mapping[int, int]) -> None:
        """`committed`: partition → next offset that is committed, as it changes."""
        self._group = group
        self._topic = topic
        self._committed = committed

    def update(self, statistics: str) -> None:
        """Take in what librdkafka says of itself."""
        found = _statistics(statistics)
        partitions = found.topics[self._topic].partitions if self._topic in found.topics else {}
        for partition, committed in self._committed.items():
            at = partitions.get(str(partition))
            if at is not None and at.ls_offset >= 0:
                behind = at.ls_offset - max(committed, at.lo_offset, 0)
                metrics.LAG.labels(self._group, self._topic, partition).set(max(0, behind))

    def remove(self, partition: int) -> None:
        """The partition went away: its next owner tells its lag."""
        # KeyError where no statistics came while the partition was here.
        with suppress(KeyError):
            metrics.LAG.remove(self._group, self._topic, partition)


class _PartitionStatistics(msgspec.Struct):
    lo_offset: int
    ls_offset: int


class _TopicStatistics(msgspec.Struct):
    partitions: dict[str, _PartitionStatistics]


class _Statistics(msgspec.Struct):
    topics: dict[str, _TopicStatistics]


_statistics = msgspec.json.Decoder(_Statistics).decode
