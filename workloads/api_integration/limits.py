"""How often providers are called: what they allow, counted by all replicas together.

Of each limit a part is kept back and divided among the processes, for when Redis is away: so that what was
called through Redis just before and what each calls by itself after is never more than the limit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from workloads.api_integration.shared import PREFIX, Away, Shared
from workloads.kit.contracts.providers import Limit, Provider

ALONE: Final = 0.25
"""Share of a limit that is used only while Redis is away."""
_ON_THE_WAY: Final = 1
"""Seconds by which a window is longer than the provider's: a call that was late and one that was quick may
arrive closer together than they left."""


class Limited(Exception):
    """A call would be one too many; `seconds` until it would not."""

    def __init__(self, limit: Limit, seconds: float) -> None:
        super().__init__(f"{limit.calls} units in {limit.seconds} s")
        self.seconds = seconds


class Limits:
    """Windows that move with the clock, exact to the call.

    Args:
        processes: among how many is divided what is kept back.
        instead: quota -> limits in place of the table's.
    """

    def __init__(
        self, shared: Shared, *, processes: int, instead: Mapping[str, Sequence[Limit]] | None = None
    ) -> None:
        self._shared, self._processes, self._instead = shared, processes, instead or {}
        together = RedisStorage(
            "redis://", connection_pool=shared.client.connection_pool, key_prefix=f"{PREFIX}:limit"
        )
        self._together = MovingWindowRateLimiter(together)
        self._alone = MovingWindowRateLimiter(MemoryStorage())

    def take(self, provider: Provider, cost: int) -> None:
        """Count a call of `cost` units.

        Raises:
            Limited: it may not be made now.
        """
        try:
            for limit in self._of(provider):
                item = _window(limit, int(limit.calls * (1 - ALONE)))
                if not self._shared.ask(
                    lambda item=item: self._together.hit(item, provider.quota, cost=cost)
                ):
                    raise Limited(limit, self._left(self._together, item, provider))
        except Away:
            for limit, item in self._own(provider):
                if item is None or not self._alone.hit(item, provider.quota, cost=cost):
                    left = limit.seconds if item is None else self._left(self._alone, item, provider)
                    raise Limited(limit, left) from None

    def _of(self, provider: Provider) -> Sequence[Limit]:
        return self._instead.get(provider.quota, provider.limits)

    def _own(self, provider: Provider) -> Iterator[tuple[Limit, RateLimitItem | None]]:
        for limit in self._of(provider):
            calls = int(limit.calls * ALONE / self._processes)
            yield limit, _window(limit, calls) if calls else None

    def _left(self, limiter: MovingWindowRateLimiter, item: RateLimitItem, provider: Provider) -> float:
        def ask() -> float:
            return limiter.get_window_stats(item, provider.quota).reset_time - time.time()

        try:
            return max(1.0, ask() if limiter is self._alone else self._shared.ask(ask))
        except Away:
            return 1.0


def _window(limit: Limit, calls: int) -> RateLimitItem:
    return RateLimitItemPerSecond(calls, limit.seconds + _ON_THE_WAY)
