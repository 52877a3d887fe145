"""Server-Sent Events from bytes, as the HTML standard has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from carbon_client.errors import BadAnswer

_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"
_LARGEST: Final = 16 << 20
"""Bytes of one event."""


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two empty lines.

    Attributes:
        id: the last one given, of this block or of one before; "" where none was.
        data: "" of a block that is no event, as of one that holds an id alone.
        retry: milliseconds, where the block says so.
    """

    id: str
    event: str
    data: str
    retry: int | None


class Parser:
    """Takes bytes as they come, however they are cut, and gives each block when it is whole."""

    def __init__(self) -> None:
        self._rest, self._begun, self._size = b"", False, 0
        self._id, self._place, self._event, self._retry = "", "", "", None
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Blocks that are whole with these bytes.

        Raises:
            BadAnswer: an event is too large to be one.
        """
        self._rest += chunk
        if not self._begun:
            if len(self._rest) < len(_BOM) and _BOM.startswith(self._rest):
                return
            self._rest, self._begun = self._rest.removeprefix(_BOM), True
        *lines, self._rest = self._lines()
        for line in lines:
            self._size += len(line)
            if line:
                self._line(line.decode("utf-8", "replace"))
            elif (block := self._block()) is not None:
                yield block
        if self._size + len(self._rest) > _LARGEST:
            raise BadAnswer(f"the stream sent an event of more than {_LARGEST >> 20} MiB: is it data-api's?")

    def _lines(self) -> list[bytes]:
        # The other half of \r\n may be yet to come.
        held = self._rest.endswith(b"\r")
        lines = _END.split(self._rest[:-1] if held else self._rest)
        if held:
            lines[-1] += b"\r"
        return lines

    def _line(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._place = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self._retry = int(value)

    def _block(self) -> Block | None:
        moved = self._place != self._id
        self._id = self._place
        made = Block(self._id, self._event or "message", "\n".join(self._data), self._retry)
        told = bool(self._data) or moved or self._retry is not None
        self._event, self._data, self._retry, self._size = "", [], None, 0
        return made if told else None
