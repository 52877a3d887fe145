"""Answers that the replicas share: fresh, stale, negative; withdrawn by tag; one flight a key at a time.

In Redis, an answer is a hash of its value and the fence of the flight that brought it. A tag is a key with a
token; an answer holds the tokens of its tags as they were before its call, and counts while they are the
same: to withdraw a tag is to delete its key, which also holds for calls that are under way. What Redis loses
or evicts is thereby at worst asked for again, never given out after it was withdrawn.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, cast

import msgspec

from workloads.api_integration.metrics import FENCED
from workloads.api_integration.questions import Question
from workloads.api_integration.shared import PREFIX, Away, Shared
from workloads.kit.contracts.providers import JITTER

_EPOCH: Final = f"{PREFIX}:withdrawn"
"""A token that changes with every withdrawal: what a process keeps in memory is forgotten then."""
_TAG_SECONDS: Final = 40 * 86_400
"""How long a tag that nobody asks about keeps its token: longer than any answer is kept."""

_LEAD: Final = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return {} end
local now = redis.call('TIME')
local found = {now[1] * 1000000 + now[2]}
for at = 2, #KEYS do
  redis.call('SET', KEYS[at], ARGV[1], 'NX')
  redis.call('EXPIRE', KEYS[at], ARGV[3])
  found[at] = redis.call('GET', KEYS[at])
end
return found
"""
"""Take the flight of a key. Its fence is the server's clock: a counter could be evicted, and begin anew."""
_PUT: Final = """
local there = redis.call('HGET', KEYS[1], 'fence')
if there and tonumber(there) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'value', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
"""Keep an answer, unless that of a later flight is there: this one's lock had run out."""
_LAND: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An answer of a provider. Times are seconds since 1970.

    Args:
        status: 200, or what the provider said of a question that has no answer.
        received_at: when its bytes came.
        confirmed_at: when the provider last said that they are what there is.
        fresh_until, stale_until: until when it is given, and until when only while the provider fails.
    """

    status: int
    body: bytes
    etag: str | None
    last_modified: str | None
    received_at: float
    confirmed_at: float
    fresh_until: float
    stale_until: float
    tokens: tuple[bytes, ...] = ()

    @property
    def negative(self) -> bool:
        return self.status != 200


class Failure(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Why the last call brought nothing: for those who waited for it."""

    status: int
    detail: str
    remedy: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """What is at hand: an answer that was not withdrawn, fresh or stale, and a failure of just now. `tokens`
    are those of the question's tags, none while Redis is away."""

    entry: Entry | None
    failure: Failure | None
    tokens: tuple[bytes | None, ...] = ()

    def fresh(self, now: float) -> Entry | None:
        """The answer, if it may be given without asking."""
        return self.entry if self.entry is not None and now < self.entry.fresh_until else None

    def stale(self, now: float) -> Entry | None:
        """The answer, if it may be given where asking failed. A negative one tells of its own time only."""
        one = self.entry
        return one if one is not None and not one.negative and now < one.stale_until else None


@dataclass(frozen=True, slots=True)
class Flight:
    """The right to call for a key. `fence` grows with each; `shared` says whether others know of it."""

    token: str
    fence: int
    tokens: tuple[bytes, ...]
    shared: bool


class Cache:
    """The shared answers, and a bounded copy in memory for when Redis is away."""

    def __init__(self, shared: Shared, *, memory: int, clock: Callable[[], float] = time.time) -> None:
        self._shared, self._clock = shared, clock
        self._memory = _Memory(memory)
        self._lead = shared.client.register_script(_LEAD)
        self._put = shared.client.register_script(_PUT)
        self._land = shared.client.register_script(_LAND)

    def look(self, question: Question) -> Found:
        """What is at hand, from memory where Redis is away or has lost it."""
        now = self._clock()
        tags = [_tag(tag) for tag in question.tags]

        def ask() -> list[Any]:
            with self._shared.client.pipeline(transaction=False) as pipeline:
                pipeline.hget(_entry(question), "value")
                pipeline.get(_failure(question))
                pipeline.mget([_EPOCH, *tags])
                return cast("list[Any]", pipeline.execute())

        try:
            value, failed, (epoch, *tokens) = self._shared.ask(ask)
        except Away:
            return Found(self._memory.get(question.key, now), None)
        self._memory.epoch(epoch)
        failure = None if failed is None else msgspec.msgpack.decode(failed, type=Failure)
        if value is None:
            # Redis lost it, or it is older than it keeps: memory may tell of it while the provider fails.
            return Found(_only_stale(self._memory.get(question.key, now), now), failure, tuple(tokens))
        entry = msgspec.msgpack.decode(value, type=Entry)
        if list(entry.tokens) != tokens:
            self._memory.forget(question.key)
            return Found(None, failure, tuple(tokens))
        self._memory.put(question.key, entry)
        return Found(entry, failure, tuple(tokens))

    def lead(self, question: Question, seconds: float) -> Flight | None:
        """The flight of a question's key, for `seconds` at most; None where another process has it. While
        Redis is away each process has its own."""
        token = secrets.token_hex(8)
        keys = [_lock(question), *(_tag(tag) for tag in question.tags)]
        arguments = [token, int(seconds * 1000), _TAG_SECONDS]
        try:
            found: Any = self._shared.ask(lambda: self._lead(keys=keys, args=arguments))
        except Away:
            return Flight(token, 0, (), shared=False)
        return Flight(token, int(found[0]), tuple(found[1:]), shared=True) if found else None

    def keep(self, question: Question, flight: Flight, entry: Entry) -> Entry:
        """Keep what a flight brought; returns it as it is kept."""
        entry = msgspec.structs.replace(entry, tokens=flight.tokens)
        self._memory.put(question.key, entry)
        if flight.shared:
            left = max(1, int((entry.stale_until - self._clock()) * 1000))
            arguments = [flight.fence, msgspec.msgpack.encode(entry), left]
            try:
                kept: Any = self._shared.ask(lambda: self._put(keys=[_entry(question)], args=arguments))
            except Away:
                return entry
            if not kept:
                FENCED.inc()
        return entry

    def fail(self, question: Question, failure: Failure, seconds: float) -> None:
        """Tell of a failed call those who wait for it, and those who ask within `seconds`."""
        value = msgspec.msgpack.encode(failure)
        self._quietly(
            lambda: self._shared.client.set(_failure(question), value, px=max(1, int(seconds * 1000)))
        )

    def land(self, question: Question, flight: Flight) -> None:
        """Give the flight back."""
        if flight.shared:
            self._quietly(lambda: self._land(keys=[_lock(question)], args=[flight.token]))

    def withdraw(self, tag: str) -> bool:
        """Let no answer with this tag be given any more, in any replica; whether there was one to withdraw.

        Raises:
            Away: Redis does not answer, and the answers may still be given.
        """

        def ask() -> bool:
            with self._shared.client.pipeline(transaction=True) as pipeline:
                pipeline.delete(_tag(tag))
                pipeline.set(_EPOCH, secrets.token_hex(8))
                return bool(cast("list[Any]", pipeline.execute())[0])

        return self._shared.ask(ask)

    def _quietly(self, question: Callable[[], object]) -> None:
        try:
            self._shared.ask(question)
        except Away:
            return


def until(now: float, seconds: float) -> float:
    """When something that lasts for `seconds`, give or take `JITTER`, is over."""
    return now + seconds * (1 + JITTER * (2 * random.random() - 1))  # noqa: S311 - no secret


def _only_stale(entry: Entry | None, now: float) -> Entry | None:
    return None if entry is None else msgspec.structs.replace(entry, fresh_until=min(entry.fresh_until, now))


def _entry(question: Question) -> str:
    return f"{PREFIX}:answer:{question.key}"


def _failure(question: Question) -> str:
    return f"{PREFIX}:failed:{question.key}"


def _lock(question: Question) -> str:
    return f"{PREFIX}:flight:{question.key}"


def _tag(tag: str) -> str:
    return f"{PREFIX}:tag:{tag}"


class _Memory:
    """The newest answers of this process, at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._epoch: bytes | None = None
        self._kept: OrderedDict[str, Entry] = OrderedDict()

    def get(self, key: str, now: float) -> Entry | None:
        with self._lock:
            entry = self._kept.get(key)
            if entry is None or now >= entry.stale_until:
                return None
            self._kept.move_to_end(key)
            return entry

    def put(self, key: str, entry: Entry) -> None:
        with self._lock:
            self._kept[key] = entry
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def forget(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def epoch(self, token: bytes | None) -> None:
        """Forget everything once something was withdrawn; a token that Redis lost says nothing."""
        if token is None or token == self._epoch:
            return
        with self._lock:
            self._epoch = token
            self._kept.clear()
