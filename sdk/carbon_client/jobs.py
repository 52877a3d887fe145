"""Files that are made first: how long to wait for one, and how its bytes go on where they broke off."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, Final

import httpx

from carbon_client.errors import BadAnswer, JobFailed
from carbon_client.models import Job

PATH: Final = "/v1/downloads/jobs"
_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 5.0


def path(job: str) -> str:
    """Of a job."""
    return f"{PATH}/{job}"


def waits() -> Iterator[float]:
    """Seconds between two questions how far it is."""
    wait = _FIRST_WAIT
    while True:
        yield wait
        wait = min(2 * wait, _LONGEST_WAIT)


def link(job: Job) -> str | None:
    """Where its file is; None while it is made.

    Raises:
        JobFailed: there will be none.
    """
    if job.state in ("failed", "expired"):
        raise JobFailed(f"job {job.id} {job.state}: {job.error or 'its file is gone: ask for it again'}")
    return job.link


class Resumed:
    """Takes the bytes of one file over as many answers as it needs; none is fetched twice.

    Args:
        file: empty, to write to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()
        self._tag: str | None = None
        self._total: int | None = None
        self.size = 0

    @property
    def whole(self) -> bool:
        """Whether all of it is there."""
        return self.size == self._total

    def headers(self) -> dict[str, str]:
        """Of the next request."""
        plain = {"Accept-Encoding": "identity"}
        if self._tag is None or not self.size:
            return plain
        return plain | {"Range": f"bytes={self.size}-", "If-Range": self._tag}

    def begins(self, answer: httpx.Response) -> None:
        """An answer is there: the rest, or all of it where the file is another by now.

        Raises:
            BadAnswer: it does not say how long the file is.
        """
        said = answer.headers.get("Content-Range" if answer.status_code == 206 else "Content-Length", "")
        try:
            total = int(said.rpartition("/")[2])
        except ValueError:
            raise BadAnswer(f"the file's length is not said: {said!r}") from None
        if answer.status_code != 206:
            self._file.seek(0)
            self._file.truncate()
            self._digest, self.size = hashlib.sha256(), 0
        self._tag, self._total = answer.headers.get("ETag"), total

    def add(self, block: bytes) -> None:
        """The next bytes of an answer."""
        self._file.write(block)
        self._digest.update(block)
        self.size += len(block)

    def check(self) -> None:
        """See that it is what was made.

        Raises:
            BadAnswer: it is not.
        """
        if self._tag is not None and self._tag.strip('"') != self._digest.hexdigest():
            raise BadAnswer("the file that came is not the one that was made: ask for it again")
