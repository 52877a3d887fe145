"""So many downloads at once, and so many of them a tenant's, so that none has them all."""

from __future__ import annotations

import threading
from collections import Counter


class Turns:
    """Args:
    most: downloads at once.
    each: those of one tenant.
    """

    def __init__(self, most: int, each: int = 1) -> None:
        self._most, self._each = most, each
        self._taken, self._lock = dict[object, str](), threading.Lock()

    def take(self, tenant: str) -> object | None:
        """A turn of the tenant's, where it has one now."""
        with self._lock:
            if len(self._taken) >= self._most or Counter(self._taken.values())[tenant] >= self._each:
                return None
            turn = object()
            self._taken[turn] = tenant
            return turn

    def give_back(self, turn: object) -> None:
        """Once or several times."""
        with self._lock:
            self._taken.pop(turn, None)
