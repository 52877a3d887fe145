"""Circuit breakers, one a provider, whose state the replicas share.

pybreaker holds a lock of the process while it calls, so that calls would go out one by one; therefore its
state is asked to call (`state.call`), and which call is the trial of a half-open circuit is settled here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pybreaker import (
    STATE_CLOSED,
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerStorage,
    CircuitMemoryStorage,
    CircuitRedisStorage,
)

from workloads.api_integration.metrics import CIRCUIT_OPEN
from workloads.api_integration.shared import PREFIX, Away, Shared

T = TypeVar("T")

# It logs a traceback for each of several questions to a Redis that is away, which `Shared` tells once.
logging.getLogger("pybreaker").setLevel(logging.CRITICAL)


class Open(Exception):
    """The provider failed again and again and is left alone; `seconds` until it is tried."""

    def __init__(self, seconds: float) -> None:
        super().__init__("circuit open")
        self.seconds = seconds


class Breakers:
    """Args:
    counts: whether an exception says that the provider is failing.
    trial_seconds: how long a trial may take before another may try.
    """

    def __init__(
        self,
        shared: Shared,
        *,
        failures: int,
        seconds: float,
        trial_seconds: float,
        counts: Callable[[BaseException], bool],
    ) -> None:
        self._shared, self._failures, self._seconds = shared, failures, seconds
        self._trial_seconds, self._counts = trial_seconds, counts
        self._made: dict[tuple[str, bool], tuple[CircuitBreaker, CircuitBreakerStorage]] = {}
        self._trials: dict[str, float] = {}

    def call(self, provider: str, permit: Callable[[], None], function: Callable[[], T]) -> T:
        """`function`'s result, once `permit` let it be called.

        Raises:
            Open: it was not called.
            Exception: whatever `permit` and `function` raise.
        """
        breaker, storage = self._of(provider)
        state = breaker.current_state
        CIRCUIT_OPEN.labels(provider).set(0 if state == STATE_CLOSED else 1)
        if state != STATE_CLOSED:
            left = self._left(state, storage)
            if left > 0:
                raise Open(left)
            if not self._trial(provider):
                raise Open(self._trial_seconds)
        permit()
        if state == STATE_OPEN:
            breaker.half_open()
        found: Any = breaker.state.call(function)
        if state != STATE_CLOSED:
            CIRCUIT_OPEN.labels(provider).set(0)
        return found

    def _left(self, state: str, storage: CircuitBreakerStorage) -> float:
        opened = storage.opened_at
        if state != STATE_OPEN or opened is None:
            return 0.0
        return (opened + timedelta(seconds=self._seconds) - datetime.now(UTC)).total_seconds()

    def _trial(self, provider: str) -> bool:
        milliseconds = int(self._trial_seconds * 1000)
        client = self._shared.client
        try:
            return bool(
                self._shared.ask(
                    lambda: client.set(f"{PREFIX}:trial:{provider}", "1", nx=True, px=milliseconds)
                )
            )
        except Away:
            now = time.monotonic()
            if now < self._trials.get(provider, 0.0):
                return False
            self._trials[provider] = now + self._trial_seconds
            return True

    def _of(self, provider: str) -> tuple[CircuitBreaker, CircuitBreakerStorage]:
        """The replicas' own, or while Redis is away the process's."""
        try:
            self._shared.ask(lambda: self._shared.client.exists(f"{PREFIX}:trial:{provider}"))
            return self._breaker(provider, together=True)
        except Away:
            return self._breaker(provider, together=False)

    def _breaker(self, provider: str, *, together: bool) -> tuple[CircuitBreaker, CircuitBreakerStorage]:
        there = self._made.get((provider, together))
        if there is not None:
            return there
        storage: CircuitBreakerStorage
        if together:
            client = self._shared.client
            storage = self._shared.ask(
                lambda: CircuitRedisStorage(STATE_CLOSED, client, namespace=f"{PREFIX}:{provider}")
            )
        else:
            storage = CircuitMemoryStorage(STATE_CLOSED)
        breaker = CircuitBreaker(
            fail_max=self._failures,
            reset_timeout=self._seconds,
            exclude=[lambda error: not self._counts(error)],
            state_storage=storage,
            name=provider,
            throw_new_error_on_trip=False,
        )
        return self._made.setdefault((provider, together), (breaker, storage))
