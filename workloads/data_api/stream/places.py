"""Where a client is: the next offset of each partition, as text that it gives back (`Last-Event-ID`)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

import msgspec

Place = dict[tuple[str, int], int]
"""(topic, partition) → offset of the next message that it has not had."""

LONGEST: Final = 1_024
_VERSION: Final = 1


class BadPlace(ValueError):
    """It is none that was given out."""


class Places:
    """Encodes the places of a fixed set of partitions."""

    def __init__(self, partitions: Mapping[tuple[str, int], int]) -> None:
        self._keys = sorted(partitions)

    def encode(self, place: Mapping[tuple[str, int], int]) -> str:
        """The text of a place."""
        raw = msgspec.msgpack.encode((_VERSION, [place[key] for key in self._keys]))
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def decode(self, text: str) -> Place:
        """The place of a text.

        Raises:
            BadPlace: it was changed, or the topics have other partitions now.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            version, offsets = msgspec.msgpack.decode(raw, type=tuple[int, list[int]])
        except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
            raise BadPlace("it was changed, or is none") from error
        if version != _VERSION or len(offsets) != len(self._keys) or min(offsets, default=0) < 0:
            raise BadPlace("it is of another release, or of other topics")
        return dict(zip(self._keys, offsets, strict=True))
