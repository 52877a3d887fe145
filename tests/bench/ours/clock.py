"""Where a consumer's time goes: totals of the calls that a batch is made of."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from workloads.kit.consumer import ConsumerLoop
from workloads.kit.member import Member
from workloads.kit.producer import Transaction


class Clock:
    """Adds up the seconds within watched methods, a reading or two a batch: nothing beside a batch's work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._started = 0.0
        self._ended = 0.0

    @property
    def total(self) -> float:
        """Seconds from the start until a watched method last returned."""
        return self._ended - self._started

    def start(self) -> None:
        """Begin with the first batch, whenever it is called first."""
        if not self._started:
            self.seconds.clear()
            self._started = time.perf_counter()

    def watch(self, owner: type, method: str, name: str) -> None:
        inner: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self._ended = time.perf_counter()
                self.seconds[name] += self._ended - started

        setattr(owner, method, timed)

    def watch_loop(self) -> None:
        """Watch the consumer loop's own work."""
        self.watch(Member, "fetch", "fetch")
        self.watch(ConsumerLoop, "_take", "decode")
        self.watch(ConsumerLoop, "_commit", "commit")
        self.watch(Transaction, "send_all", "produce")
        self.watch(Transaction, "offsets", "offsets")

    def split(self) -> dict[str, float]:
        """Seconds by name, none counted twice."""
        parts = dict(self.seconds)
        parts["commit"] = parts.get("commit", 0) - parts.get("produce", 0) - parts.get("offsets", 0)
        return parts
