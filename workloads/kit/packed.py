"""Sessions of a series as bytes, column by column: differences in the narrowest integers that hold them.

Sessions follow each other evenly and are known with the same delay, so that most columns are two numbers;
what is left is about the prices, 8 bytes a session, and the offsets, 1 to 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from workloads.kit.revisions import REVISION, Revisions

LAYOUT: Final = 1
"""What the bytes mean; another number where this module writes them in another way."""

_WIDTHS: Final = (np.int8, np.int16, np.int32, np.int64)


class _Column(NamedTuple):
    """`first`, and the differences that follow: all of them `step`, or integers of `width` bytes."""

    first: int
    step: int
    width: int
    differences: bytes


class _Packed(NamedTuple):
    sessions: int
    event: _Column
    available: _Column
    offset: _Column
    known: _Column
    origin: _Column
    price: bytes
    origins: Sequence[Sequence[str]]


_decode: Final = msgspec.msgpack.Decoder(_Packed).decode
_encode: Final = msgspec.msgpack.Encoder().encode


def pack(sessions: Revisions, origins: Sequence[Sequence[str]]) -> bytes:
    """Sessions, oldest first, with those of the `origins` that theirs are an index of."""
    named, local = np.unique(sessions["origin"], return_inverse=True)
    return _encode(
        _Packed(
            len(sessions),
            _column(sessions["event"]),
            _column(sessions["available"] - sessions["event"]),
            _column(sessions["offset"]),
            _column(sessions["known"] - sessions["available"]),
            _column(local.astype(np.int64)),
            np.ascontiguousarray(sessions["price"]).tobytes(),
            tuple(origins[index] for index in map(int, named)),
        )
    )


def unpack(packed: bytes) -> tuple[Revisions, Sequence[Sequence[str]]]:
    """The sessions, and the origins that theirs are an index of.

    Raises:
        msgspec.DecodeError, ValueError: the bytes are not what `pack` makes.
    """
    read = _decode(packed)
    sessions: Revisions = np.empty(read.sessions, REVISION)
    sessions["event"] = _values(read.event, read.sessions)
    sessions["available"] = sessions["event"] + _values(read.available, read.sessions)
    sessions["offset"] = _values(read.offset, read.sessions)
    sessions["known"] = sessions["available"] + _values(read.known, read.sessions)
    sessions["origin"] = _values(read.origin, read.sessions)
    sessions["price"] = np.frombuffer(read.price, np.float64)
    return sessions, read.origins


def _column(values: NDArray[np.int64]) -> _Column:
    if len(values) < 2:
        return _Column(int(values.sum()), 0, 0, b"")
    first, differences = int(values[0]), np.diff(values)
    low, high = int(differences.min()), int(differences.max())
    if low == high:
        return _Column(first, low, 0, b"")
    for kind in _WIDTHS:
        bounds = np.iinfo(kind)
        if bounds.min <= low and high <= bounds.max:
            return _Column(first, 0, bounds.bits // 8, differences.astype(kind).tobytes())
    raise AssertionError("no difference of two int64 is kept that is none itself")


def _values(column: _Column, count: int) -> NDArray[np.int64]:
    if column.width == 0:
        return column.first + column.step * np.arange(count, dtype=np.int64)
    values = np.empty(count, np.int64)
    values[0] = column.first
    values[1:] = np.frombuffer(column.differences, np.dtype(f"i{column.width}"))
    return np.cumsum(values, out=values)
