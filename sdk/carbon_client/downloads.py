"""What has come of a file: a CSV goes on after its last whole line, another form cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

import httpx

from carbon_client.errors import CarbonError, Unavailable


class Download:
    """Takes one file over as many answers as it needs; no row is written twice.

    Of a CSV whole lines alone are written, so that the last one that stands in the file says where to go on.

    Args:
        file: empty, to write to.
        asked: the question's parameters, as they are sent.
    """

    def __init__(self, file: BinaryIO, asked: Mapping[str, str]) -> None:
        self._file, self._asked = file, dict(asked)
        self._form = self._asked.get("format", "csv")
        self._as_of: str | None = None
        self._lines, self._last, self._rest, self._size = 0, b"", b"", 0

    @property
    def lines(self) -> int:
        """Whole lines of a CSV that stand in the file: where they grow, attempts are not in vain."""
        return self._lines

    def question(self) -> dict[str, str]:
        """Parameters of the next request."""
        if self._as_of is None or self._lines < 2:
            return self._asked
        return self._asked | {"as_of": self._as_of, "after": self._last.decode()}

    def begins(self, answer: httpx.Response) -> None:
        """An answer is there: each one that goes on is as of the first one's instant."""
        self._as_of = self._as_of or answer.headers.get("X-As-Of")

    def add(self, block: bytes) -> None:
        """The next bytes of an answer."""
        self._size += len(block)
        if self._form != "csv":
            self._file.write(block)
            return
        whole, end, self._rest = (self._rest + block).rpartition(b"\n")
        if end:
            self._file.write(whole + end)
            self._lines += whole.count(end) + 1
            self._last = whole.rpartition(end)[2].removesuffix(b"\r")

    def ends(self) -> None:
        """The answer was whole."""
        self._file.write(self._rest)

    def broke(self, error: CarbonError) -> CarbonError:
        """The error, of an answer that was none or not whole, after which the next request may be made.

        Raises:
            Unavailable: what has come would be fetched, and counted, once more.
        """
        self._rest = b""
        if not error.temporary or not self._size:
            return error
        if self._form == "csv" and self._lines < 2:
            # Not a row yet.
            self._file.seek(0)
            self._file.truncate()
            self._lines, self._size, self._as_of = 0, 0, None
        elif self._form != "csv" or self._as_of is None:
            raise Unavailable(
                f"{error}: {self._size} bytes had come, which cannot be gone on from: ask again, which counts"
                " these rows again, by shorter times, or as csv",
                request_id=error.request_id,
            )
        return error
