"""A question put to its provider: permitted by its limits and its circuit, tried again within a budget."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Final

import stamina

from workloads.api_integration import metrics
from workloads.api_integration.breakers import Breakers, Open
from workloads.api_integration.cache import Entry
from workloads.api_integration.limits import Limited, Limits
from workloads.api_integration.questions import Question
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.api_integration.shared import PREFIX, Away, Shared
from workloads.api_integration.upstream import CallFailed, Reply, Sent, Upstream
from workloads.kit.contracts.api_events import ApiCall
from workloads.kit.contracts.providers import Limit

Record = Callable[[ApiCall], None]
_RETRIES_SAVED: Final = 10.0
"""Retries that may be saved up."""


class NotCalled(Exception):
    """No call was made. `reason` is as the metric counts it, `seconds` when one may be."""

    def __init__(self, reason: str, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.seconds = reason, detail, seconds


class Calls:
    """Args:
    record: is given every request that went out.
    """

    def __init__(
        self, settings: ApiIntegrationSettings, shared: Shared, upstream: Upstream, record: Record
    ) -> None:
        self._settings, self._shared, self._upstream, self._record = settings, shared, upstream, record
        instead = {
            quota: [Limit(calls=one.calls, seconds=one.seconds) for one in allowed]
            for quota, allowed in settings.quota_limits.items()
        }
        self._limits = Limits(shared, processes=settings.max_processes, instead=instead)
        self._breakers = Breakers(
            shared,
            failures=settings.breaker_failures,
            seconds=settings.breaker_seconds,
            trial_seconds=settings.call_timeout_seconds + 1,
            counts=lambda error: isinstance(error, CallFailed) and error.passing,
        )
        self._retries = _Budget(settings.retry_share)
        self._rests: dict[str, float] = {}

    def ask(self, question: Question, last: Entry | None, caller: str, request_id: str) -> Reply:
        """The provider's reply.

        Args:
            last: the answer that is at hand, whose validators are sent.

        Raises:
            NotCalled: the limit, the circuit or the provider's own word forbids a call now.
            CallFailed: it was called and brought nothing.
        """
        deadline = time.monotonic() + self._settings.budget_seconds
        provider = question.provider

        def again(error: Exception) -> bool:
            if not isinstance(error, CallFailed) or not error.passing or error.rest_seconds is not None:
                return False
            if self._retries.take(provider):
                return True
            metrics.NOT_CALLED.labels(provider, "retries").inc()
            return False

        self._retries.earn(provider)
        for attempt in stamina.retry_context(
            on=again,
            attempts=self._settings.attempts,
            timeout=self._settings.budget_seconds,
            wait_initial=0.05,
            wait_max=0.5,
            wait_jitter=0.1,
        ):
            with attempt:

                def once(number: int = attempt.num) -> Reply:
                    left = max(0.05, deadline - time.monotonic())
                    return self._upstream.call(
                        question,
                        last,
                        left,
                        lambda sent: self._sent(question, last, caller, request_id, number, sent),
                    )

                return self._permitted(question, once)
        raise AssertionError("a retried call ends in a reply or an error")

    def _permitted(self, question: Question, once: Callable[[], Reply]) -> Reply:
        provider = question.provider
        self._rested(provider)
        try:
            return self._breakers.call(
                provider, lambda: self._limits.take(question.of, question.how.cost), once
            )
        except Open as error:
            raise _not_called(
                provider, "circuit", f"{provider} failed again and again and is left alone", error.seconds
            ) from None
        except Limited as error:
            raise _not_called(
                provider, "limit", f"{provider} allows {error}, and they are used", error.seconds
            ) from None
        except CallFailed as error:
            if error.rest_seconds is not None:
                self._rest(provider, error.rest_seconds)
            raise

    def _rested(self, provider: str) -> None:
        try:
            ttl = self._shared.ask(lambda: self._shared.client.pttl(_rest(provider)))
            left = max(0, int(ttl)) / 1000  # type: ignore[arg-type]
        except Away:
            left = self._rests.get(provider, 0.0) - time.monotonic()
        if left > 0:
            raise _not_called(provider, "rest", f"{provider} asked to be left alone", left)

    def _rest(self, provider: str, seconds: float) -> None:
        self._rests[provider] = time.monotonic() + seconds
        try:
            self._shared.ask(
                lambda: self._shared.client.set(_rest(provider), "1", px=max(1, int(seconds * 1000)))
            )
        except Away:
            return

    def _sent(
        self, question: Question, last: Entry | None, caller: str, request_id: str, number: int, sent: Sent
    ) -> None:
        provider = question.provider
        metrics.CALLS.labels(provider, sent.outcome).inc()
        metrics.CALL_SECONDS.labels(provider).observe(sent.milliseconds / 1000)
        metrics.COST.labels(provider).inc(question.how.cost)
        self._record(
            ApiCall(
                call_id=str(uuid.uuid4()),
                at=sent.at,
                request_id=request_id,
                caller=caller,
                provider=provider,
                route=question.route,
                question=question.text,
                attempt=number,
                outcome=sent.outcome,
                status=sent.status,
                milliseconds=round(sent.milliseconds, 3),
                cache="miss" if last is None else "expired",
                cache_hit=sent.outcome == "not-modified",
                bytes=sent.bytes,
                cost_units=question.how.cost,
            )
        )


def _not_called(provider: str, reason: str, detail: str, seconds: float) -> NotCalled:
    metrics.NOT_CALLED.labels(provider, reason).inc()
    return NotCalled(reason, detail, seconds)


def _rest(provider: str) -> str:
    return f"{PREFIX}:rest:{provider}"


class _Budget:
    """Retries of a provider as a share of the calls to it, some saved up for a bad moment."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._lock = threading.Lock()
        self._saved: dict[str, float] = {}

    def earn(self, provider: str) -> None:
        with self._lock:
            saved = self._saved.get(provider, _RETRIES_SAVED) + self._share
            self._saved[provider] = min(_RETRIES_SAVED, saved)

    def take(self, provider: str) -> bool:
        with self._lock:
            saved = self._saved.get(provider, _RETRIES_SAVED)
            if saved < 1:
                return False
            self._saved[provider] = saved - 1
            return True
