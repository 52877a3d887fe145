"""One computation at a time in a worker, as Python has it: others' questions do not wait behind many."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from workloads.data_api.problems import Refused


class Alone:
    """Args:
    path: of the route whose answers are computed one after the other.
    seconds: that a question waits for its turn.
    """

    def __init__(self, path: str, seconds: float) -> None:
        self._path, self._seconds, self._turn = path, seconds, threading.BoundedSemaphore()

    @contextmanager
    def turn(self) -> Generator[None]:
        """Hold the turn; refused where it does not come in time."""
        if not self._turn.acquire(timeout=self._seconds):
            raise Refused(
                503,
                "another question is being answered",
                field="path",
                value=self._path,
                remedy="ask again after Retry-After",
                reason="overload",
            )
        try:
            yield
        finally:
            self._turn.release()
