"""The last sessions that were read of each symbol, kept in Redis for when the feature store is away."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import redis
import structlog

from workloads.kit import redis_client
from workloads.model_server.metrics import STALE_ANSWERS
from workloads.model_server.settings import ModelServerSettings
from workloads.model_server.store import Asked, Coverage, Delivery, Sessions, StoreAway

_PREFIX: Final = "model-server:sessions"
_DELIVERY: Final = "model-server:delivery"
_REST_SECONDS: Final = 5.0
"""How long what failed, store or cache, is left alone: one request waits for it, not each one."""
_REMEMBERED: Final = 4096
"""Keys of which it is known what was written last: one that is forgotten is written once more."""

_log: Any = structlog.get_logger(__name__)


class Store(Protocol):
    """What is needed of `store.FeatureStore`."""

    def sessions(self, symbol: str, as_of: datetime | None, count: int) -> Sessions | None: ...
    def coverage(self, asked: Sequence[Asked], outcomes: int) -> Mapping[str, Coverage]: ...
    def delivery(self, symbol: str, day: date, as_of: datetime | None) -> Delivery | None: ...


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    event_time: datetime
    prices: list[float]


@dataclass(frozen=True, slots=True)
class _Written:
    digest: bytes
    at: float


class CachedStore:
    """A feature store whose newest sessions outlive it, for `stale_seconds` after they were last read.

    A store that answers is believed: a cached answer is given only when it did not answer a moment ago, and
    says so (`Sessions.stale`). Questions as of a past instant are never answered from the cache. A cache
    that is away costs nothing but this.
    """

    def __init__(self, store: Store, client: redis.Redis, stale_seconds: int) -> None:
        self._store = store
        self._client = client
        self._stale_seconds = stale_seconds
        self._written: OrderedDict[str, _Written] = OrderedDict()
        self._written_lock = threading.Lock()
        self._store_rests_until = 0.0
        self._rests_until = 0.0

    def sessions(self, symbol: str, as_of: datetime | None, count: int) -> Sessions | None:
        """As the store's. StoreAway when neither it nor the cache has an answer."""
        if as_of is None and time.monotonic() < self._store_rests_until:
            kept = self._read(symbol, count)
            if kept is not None:
                return kept
        try:
            found = self._store.sessions(symbol, as_of, count)
        except StoreAway:
            self._store_rests_until = time.monotonic() + _REST_SECONDS
            kept = self._read(symbol, count) if as_of is None else None
            if kept is None:
                raise
            return kept
        if found is not None and as_of is None:
            self._keep(symbol, count, found)
        return found

    def coverage(self, asked: Sequence[Asked], outcomes: int) -> Mapping[str, Coverage]:
        """As the store's."""
        return self._store.coverage(asked, outcomes)

    def delivery(self, symbol: str, day: date, as_of: datetime | None) -> Delivery | None:
        """As the store's: a forecast does not change, so that one of the cache is at worst not the newest.
        StoreAway when neither it nor the cache has an answer."""
        key = f"{_DELIVERY}:{day}:{symbol}"
        if as_of is None and time.monotonic() < self._store_rests_until:
            kept = self._read_delivery(key)
            if kept is not None:
                return kept
        try:
            found = self._store.delivery(symbol, day, as_of)
        except StoreAway:
            self._store_rests_until = time.monotonic() + _REST_SECONDS
            kept = self._read_delivery(key) if as_of is None else None
            if kept is None:
                raise
            return kept
        if found is not None and found.message is not None and as_of is None:
            self._write(key, found.message)
        return found

    def _keep(self, symbol: str, count: int, sessions: Sessions) -> None:
        value = msgspec.msgpack.encode(_Kept(sessions.event_time, sessions.prices.tolist()))
        self._write(f"{_PREFIX}:{count}:{symbol}", value)

    def _write(self, key: str, value: bytes) -> None:
        """Again when it changed, and in good time before it would be forgotten."""
        digest, now = hashlib.blake2b(value, digest_size=16).digest(), time.monotonic()
        with self._written_lock:
            last = self._written.get(key)
            if last is not None:
                self._written.move_to_end(key)
        if last is not None and last.digest == digest and now - last.at < self._stale_seconds / 2:
            return
        if self._asked(lambda: self._client.set(key, value, ex=self._stale_seconds)):
            with self._written_lock:
                self._written[key] = _Written(digest, now)
                self._written.move_to_end(key)
                while len(self._written) > _REMEMBERED:
                    self._written.popitem(last=False)

    def _read_delivery(self, key: str) -> Delivery | None:
        value = self._asked(lambda: self._client.get(key))
        if not isinstance(value, bytes):
            return None
        STALE_ANSWERS.inc()
        return Delivery(value, "", stale=True)

    def _read(self, symbol: str, count: int) -> Sessions | None:
        value = self._asked(lambda: self._client.get(f"{_PREFIX}:{count}:{symbol}"))
        if not isinstance(value, bytes):
            return None
        STALE_ANSWERS.inc()
        kept = msgspec.msgpack.decode(value, type=_Kept)
        return Sessions(kept.event_time, np.array(kept.prices, dtype=np.float64), stale=True)

    def _asked(self, question: Any) -> Any:
        """The cache's answer; None where it has none or is away."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            return question()
        except redis.RedisError as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            # What a cache lost while it was away is written again.
            with self._written_lock:
                self._written.clear()
            _log.warning("cache.away", error=str(error))
            return None


def cached(store: Store, settings: ModelServerSettings) -> Store:
    """The store behind a cache, where the settings name one."""
    client = redis_client.of(settings)
    return store if client is None else CachedStore(store, client, settings.stale_seconds)
