"""Prices as series keep them: arrays of revisions, with times in microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

REVISION: Final = np.dtype(
    [
        ("event", np.int64),
        ("available", np.int64),
        ("offset", np.int64),
        ("price", np.float64),
        ("origin", np.int64),
        ("known", np.int64),
    ]
)
"""A price as series keep it: times in microseconds since 1970, `origin` an index of `SeriesStore.origins`,
`known` the earliest time of what follows from it: `available`, or later (`Series`)."""

Revisions = NDArray[Any]
"""Array of `REVISION`."""
Micros = NDArray[np.int64]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def instants(times: Micros) -> list[datetime]:
    """The times as UTC datetimes."""
    naive: list[datetime] = times.astype("datetime64[us]").tolist()
    return [instant.replace(tzinfo=UTC) for instant in naive]


class Rows:
    """Array of revisions that grows in place."""

    def __init__(self) -> None:
        self._buffer: Revisions = np.empty(0, REVISION)
        self.size = 0

    @property
    def live(self) -> Revisions:
        return self._buffer[: self.size]

    def insert(self, at: int, rows: Revisions) -> None:
        count = int(np.size(rows))
        if self.size + count > len(self._buffer):
            grown: Revisions = np.empty(self.size + count + max(64, self.size // 8), REVISION)
            grown[: self.size] = self.live
            self._buffer = grown
        self._buffer[at + count : self.size + count] = self._buffer[at : self.size]
        self._buffer[at : at + count] = rows
        self.size += count

    def remove(self, start: int, stop: int) -> None:
        self._buffer[start : start + self.size - stop] = self._buffer[stop : self.size]
        self.size -= stop - start

    def replace(self, rows: Revisions) -> None:
        self._buffer = rows
        self.size = len(rows)
