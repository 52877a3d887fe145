"""A steady load of GET requests: each leaves at its own time, whatever became of those before it."""

from __future__ import annotations

import http.client
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Got:
    """An answer. `seconds` count from when the request was due; `cache` is what its header `X-Cache` says;
    status 0 is none at all."""

    path: str
    seconds: float
    status: int
    cache: str


def steady(urls: Sequence[str], paths: Sequence[str], *, per_second: float, connections: int) -> list[Got]:
    """Send `paths`, one after the other at an even rate, to the servers in turn.

    A request that finds every connection taken waits for one, and that counts as its time.
    """
    due: queue.Queue[tuple[float, str]] = queue.Queue()
    got: list[Got] = []
    ends = object()

    def work(url: str) -> None:
        parts = urlsplit(url)
        client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        while (item := due.get()) is not ends:
            at, path = item
            status, cache = 0, ""
            try:
                client.request("GET", path)
                answer = client.getresponse()
                answer.read()
                status, cache = answer.status, answer.headers.get("X-Cache", "")
            except (OSError, http.client.HTTPException):
                client.close()
            got.append(Got(path, time.perf_counter() - at, status, cache))

    threads = [
        threading.Thread(target=work, args=(urls[n % len(urls)],), daemon=True) for n in range(connections)
    ]
    for thread in threads:
        thread.start()
    started = time.perf_counter()
    for number, path in enumerate(paths):
        at = started + number / per_second
        time.sleep(max(0.0, at - time.perf_counter()))
        due.put((at, path))
    for _ in threads:
        due.put(ends)  # type: ignore[arg-type]
    for thread in threads:
        thread.join(_TIMEOUT)
    return got
