"""How much a worker takes on at once."""

from __future__ import annotations

import threading
from types import TracebackType


class Overloaded(Exception):
    """All places are taken; try again later."""


class Limit:
    """A context that at most `places` are in at once; one more is Overloaded at once, for a queue would only
    make all of them late."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    def __enter__(self) -> None:
        if not self._places.acquire(blocking=False):
            raise Overloaded

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._places.release()
