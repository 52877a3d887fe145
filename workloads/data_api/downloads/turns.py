"""So many downloads at once, and one a tenant, so that none has them all."""

from __future__ import annotations

import threading


class Turns:
    """Args:
    most: downloads at once.
    """

    def __init__(self, most: int) -> None:
        self._most, self._taken, self._lock = most, dict[str, object](), threading.Lock()

    def take(self, tenant: str) -> object | None:
        """The tenant's turn, where it has one now."""
        with self._lock:
            if len(self._taken) >= self._most or tenant in self._taken:
                return None
            self._taken[tenant] = turn = object()
            return turn

    def give_back(self, turn: object) -> None:
        """Once or several times: a turn that was taken since is another."""
        with self._lock:
            self._taken = {tenant: one for tenant, one in self._taken.items() if one is not turn}
