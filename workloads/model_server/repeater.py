"""Work that is done again and again beside the requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog

_log: Any = structlog.get_logger(__name__)


class Repeater:
    """Calls `work` every `seconds` in a daemon thread, first `at_once` or after the first pause.

    An exception is logged and the next call made all the same.
    """

    def __init__(self, name: str, seconds: float, work: Callable[[], None], *, at_once: bool = False) -> None:
        self._name, self._seconds, self._work = name, seconds, work
        self._at_once = at_once
        self._stop = threading.Event()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def stop(self) -> None:
        """No call begins after this."""
        self._stop.set()

    def _run(self) -> None:
        if self._at_once:
            self._call()
        while not self._stop.wait(self._seconds):
            self._call()

    def _call(self) -> None:
        try:
            self._work()
        except Exception:
            _log.exception("background.failed", task=self._name)
