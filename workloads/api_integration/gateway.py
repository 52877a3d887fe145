"""An answer to a question: from the cache, from its provider, or what is stale where that fails."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import Final, Literal

from workloads.api_integration import metrics
from workloads.api_integration.cache import Cache, Entry, Failure, Flight, Found, until
from workloads.api_integration.calls import Calls, NotCalled
from workloads.api_integration.questions import Question
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.api_integration.upstream import CallFailed, Reply

CacheState = Literal["hit", "miss", "revalidated", "stale"]

_POLL_SECONDS: Final = 0.02
"""How often one who waits for another replica's flight looks; give or take half of it."""


class Unanswered(Exception):
    """There is no answer, and nothing stale at hand."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Answer:
    """What is given. `why` says what failed where it is stale."""

    entry: Entry
    cache: CacheState
    why: str = ""


class Gateway:
    """Of each question at most one call is under way, in all replicas together while Redis answers, in each
    without it; whoever asks the same meanwhile gets what it brings."""

    def __init__(
        self,
        settings: ApiIntegrationSettings,
        cache: Cache,
        calls: Calls,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._cache, self._calls, self._clock = settings, cache, calls, clock
        self._places = threading.BoundedSemaphore(settings.max_waiting)
        self._lock = threading.Lock()
        self._flights: dict[tuple[str, tuple[bytes | None, ...]], Future[Answer]] = {}
        # No call outlives this: its last read may begin when the budget is all but used.
        self._flight_seconds = settings.budget_seconds + 2 * settings.call_timeout_seconds + 1

    def ask(self, question: Question, caller: str, request_id: str) -> Answer:
        """The answer.

        Raises:
            Unanswered: there is none.
        """
        found = self._cache.look(question)
        if (entry := found.fresh(self._clock())) is not None:
            return Answer(entry, "hit")
        if found.failure is not None:
            return self._otherwise(found, found.failure)
        if not self._places.acquire(blocking=False):
            metrics.NOT_CALLED.labels(question.provider, "busy").inc()
            return self._otherwise(found, self._failure(503, "too many wait for providers", 1.0))
        try:
            return self._together(question, found, caller, request_id)
        finally:
            self._places.release()

    def _together(self, question: Question, found: Found, caller: str, request_id: str) -> Answer:
        """One of this process for all of it; who asks after a withdrawal joins no flight of before it."""
        key, mine = (question.key, found.tokens), Future[Answer]()
        with self._lock:
            under_way = self._flights.setdefault(key, mine)
        if under_way is not mine:
            try:
                return under_way.result(self._flight_seconds)
            except NotInTime:
                return self._otherwise(found, self._late(question))
        try:
            answer = self._first(question, caller, request_id)
            mine.set_result(answer)
            return answer
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._flights[key]

    def _first(self, question: Question, caller: str, request_id: str) -> Answer:
        """One of all processes: who has the flight calls, the others look until there is something."""
        deadline = time.monotonic() + self._flight_seconds
        while True:
            flight = self._cache.lead(question, self._flight_seconds)
            if flight is not None:
                try:
                    return self._fetched(question, flight, caller, request_id)
                finally:
                    self._cache.land(question, flight)
            found = self._cache.look(question)
            if (entry := found.fresh(self._clock())) is not None:
                return Answer(entry, "hit")
            if found.failure is not None:
                return self._otherwise(found, found.failure)
            if time.monotonic() > deadline:
                return self._otherwise(found, self._late(question))
            time.sleep(_POLL_SECONDS * (0.5 + random.random()))  # noqa: S311 - no secret

    def _fetched(self, question: Question, flight: Flight, caller: str, request_id: str) -> Answer:
        # The flight before this one may have landed since we looked.
        found = self._cache.look(question)
        if (entry := found.fresh(self._clock())) is not None:
            return Answer(entry, "hit")
        if found.failure is not None:
            return self._otherwise(found, found.failure)
        try:
            reply = self._calls.ask(question, found.entry, caller, request_id)
        except CallFailed as error:
            failure = self._failure(502, error.detail, error.rest_seconds or 1.0, error.remedy)
        except NotCalled as error:
            failure = self._failure(503, error.detail, error.seconds)
        else:
            entry = self._cache.keep(question, flight, self._entry(question, reply, found.entry))
            return Answer(entry, "revalidated" if reply.outcome == "not-modified" else "miss")
        self._cache.fail(question, failure, self._settings.failed_seconds)
        return self._otherwise(found, failure)

    def _entry(self, question: Question, reply: Reply, last: Entry | None) -> Entry:
        now, of = self._clock(), question.of
        negative = reply.outcome == "negative"
        seconds = of.negative_seconds if negative else question.how.ttl_seconds
        if self._settings.ttl_seconds is not None:
            seconds = self._settings.ttl_seconds
        fresh = until(now, seconds)
        same = last if reply.outcome == "not-modified" else None
        return Entry(
            status=200 if same else reply.status,
            body=same.body if same else reply.body,
            etag=same.etag if same else reply.etag,
            last_modified=same.last_modified if same else reply.last_modified,
            received_at=same.received_at if same else now,
            confirmed_at=now,
            fresh_until=fresh,
            stale_until=fresh if negative else fresh + of.stale_seconds,
        )

    def _otherwise(self, found: Found, failure: Failure) -> Answer:
        """What is stale, where a call failed or was not made."""
        stale = found.stale(self._clock())
        if stale is None:
            raise Unanswered(failure)
        return Answer(stale, "stale", failure.detail)

    def _failure(self, status: int, detail: str, seconds: float, remedy: str = "") -> Failure:
        return Failure(
            status=status,
            detail=detail,
            remedy=remedy or "ask again after Retry-After",
            retry_seconds=seconds,
        )

    def _late(self, question: Question) -> Failure:
        return self._failure(504, f"{question.provider} did not answer in time", 1.0)
