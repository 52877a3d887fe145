"""So many downloads at once, and one a tenant, so that none has them all."""

from __future__ import annotations

import threading


class Turns:
    """Args:
    most: downloads at once.
    """

    def __init__(self, most: int) -> None:
        self._most, self._taken, self._lock = most, set[str](), threading.Lock()

    def take(self, tenant: str) -> bool:
        """Whether the tenant has a turn now."""
        with self._lock:
            free = len(self._taken) < self._most and tenant not in self._taken
            if free:
                self._taken.add(tenant)
            return free

    def give_back(self, tenant: str) -> None:
        with self._lock:
            self._taken.discard(tenant)
