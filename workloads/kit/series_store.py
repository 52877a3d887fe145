"""The series of the partitions that a consumer holds, by what prices have in common that may be compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import nan
from typing import NamedTuple

import numpy as np

from workloads.kit.contracts.messages import Price, Provenance
from workloads.kit.records import Record
from workloads.kit.revisions import REVISION, Revisions, micros
from workloads.kit.series import HISTORY, Change, Series


class Origin(NamedTuple):
    """What a price's session says of where it comes from."""

    source: str
    market: str
    provenance: Provenance


class SeriesKey(NamedTuple):
    """What prices have in common that may be compared with each other."""

    symbol: str
    resolution: str
    currency: str
    unit: str

    @classmethod
    def of(cls, price: Price) -> SeriesKey:
        return cls(price.symbol, price.resolution, price.currency, price.unit)


class SeriesChange(NamedTuple):
    """A change of one series: `records[change.row]` is the (first) record that made it."""

    series: Series
    records: Sequence[Record[Price]]
    change: Change


class SeriesStore:
    """Series of the partitions that a consumer holds.

    A series belongs to the partition that its records are in. Until `settle` is called records may be applied
    again, from any one on that came since (a retry, an aborted transaction, a batch that is halved): what
    they did is first undone, so that they do the same again.
    """

    def __init__(self, *, margin: int, history: int = HISTORY) -> None:
        self.origins: list[Origin] = []
        self._origin_of: dict[Origin, int] = {}
        self.history = history
        self.margin = margin
        self._series: dict[int, dict[SeriesKey, Series]] = {}
        self._applied: dict[int, int] = {}
        self._open: dict[int, dict[SeriesKey, Series]] = {}  # what changed since it was settled
        self._changed: dict[int, dict[SeriesKey, None]] = {}  # and since it was kept

    def apply(self, records: Sequence[Record[Price]], *, together: bool = False) -> Iterator[SeriesChange]:
        """Take in a batch, in offset order within each partition; series one after the other.

        The series in a change is as of that change until the next one is asked for. The iterator must be
        run to its end, or the same batch be applied again. `together` as for `Series.apply`.
        """
        groups: dict[tuple[int, SeriesKey], list[Record[Price]]] = {}
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for record in records:
            groups.setdefault((record.partition, SeriesKey.of(record.value)), []).append(record)
            first.setdefault(record.partition, record.offset)
            last[record.partition] = record.offset
        for partition, offset in first.items():
            if offset <= self._applied.get(partition, -1):
                for series in self._open.get(partition, {}).values():
                    series.rewind(offset)
        self._applied |= last
        for (partition, key), group in groups.items():
            series = self._of(partition, key)
            for change in series.apply(self._revisions(group), together=together):
                yield SeriesChange(series, group, change)

    def restore(self, records: Sequence[Record[Price]]) -> None:
        """Take in records of which no change is wanted."""
        for _ in self.apply(records):
            pass

    def settle(self, partitions: Collection[int]) -> None:
        """What was applied of these partitions so far will not come again."""
        for partition in partitions:
            for series in self._open.pop(partition, {}).values():
                series.trim()

    def forget(self, partitions: Collection[int]) -> None:
        """Drop the series of partitions that another consumer holds now."""
        for partition in partitions:
            self._series.pop(partition, None)
            self._open.pop(partition, None)
            self._applied.pop(partition, None)
            self._changed.pop(partition, None)

    def next_offset(self, partition: int) -> int:
        """Of the first record that was not applied yet."""
        return self._applied.get(partition, -1) + 1

    def series(self, partition: int) -> Collection[SeriesKey]:
        """All of a partition."""
        return self._series.get(partition, {}).keys()

    def changed(self, partition: int) -> Collection[SeriesKey]:
        """Those that records were applied to since `kept` or `resume`."""
        return self._changed.get(partition, {}).keys()

    def sessions(self, partition: int, key: SeriesKey) -> Revisions:
        """What a series is `given` elsewhere to go on as this one; its partition is settled."""
        return self._series[partition][key].kept

    def kept(self, partition: int) -> None:
        """All of its series are kept as they are now."""
        self._changed.pop(partition, None)

    def give(
        self, partition: int, key: SeriesKey, sessions: Revisions, origins: Sequence[Sequence[str]]
    ) -> None:
        """A series that was kept. `origins` are what its sessions name, and in place of ours."""
        ours = np.array([self._origin(Origin(*one)) for one in origins], dtype=np.int64)  # type: ignore[arg-type]
        sessions["origin"] = ours[sessions["origin"]]
        series = Series(self.history, self.margin)
        series.given(sessions)
        self._series.setdefault(partition, {})[key] = series

    def resume(self, partition: int, next_offset: int) -> None:
        """The partition's series are all given, as of the records before this one."""
        self._applied[partition] = next_offset - 1

    def _of(self, partition: int, key: SeriesKey) -> Series:
        held = self._series.setdefault(partition, {})
        if key not in held:
            held[key] = Series(self.history, self.margin)
        self._changed.setdefault(partition, {})[key] = None
        return self._open.setdefault(partition, {}).setdefault(key, held[key])

    def _revisions(self, records: Sequence[Record[Price]]) -> Revisions:
        return np.fromiter(
            (
                (
                    micros(record.value.delivery_start),
                    micros(record.value.published_at),
                    record.offset,
                    nan if record.value.withdrawn else record.value.price,
                    self._origin(Origin(record.value.source, record.value.market, record.value.provenance)),
                    micros(record.value.published_at),
                )
                for record in records
            ),
            dtype=REVISION,
            count=len(records),
        )

    def _origin(self, origin: Origin) -> int:
        known = self._origin_of.get(origin)
        if known is None:
            known = self._origin_of[origin] = len(self.origins)
            self.origins.append(origin)
        return known
