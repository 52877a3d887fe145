"""The cache answers only for a store that does not, and is never waited for twice."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import redis

from tests.unit.model_server.conftest import MemoryStore
from workloads.model_server.cache import CachedStore
from workloads.model_server.store import Delivery, Sessions, StoreAway

DAY = datetime(2026, 1, 5, tzinfo=UTC)
PRICES = np.array([70.0, 71.5, 69.25])


class Client:
    """What the cache asks of redis.Redis."""

    def __init__(self) -> None:
        self.away = False
        self.kept: dict[str, bytes] = {}
        self.lives: list[int] = []
        self.asked = 0

    def get(self, key: str) -> bytes | None:
        self._ask()
        return self.kept.get(key)

    def set(self, key: str, value: bytes, *, ex: int) -> bool:
        self._ask()
        self.kept[key] = value
        self.lives.append(ex)
        return True

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise redis.ConnectionError("away")


def same(one: Sessions, other: Sessions) -> bool:
    return one.event_time == other.event_time and np.array_equal(one.prices, other.prices)


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.symbols["WTI"] = Sessions(DAY, PRICES)
    return made


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def cached(store: MemoryStore, client: Client) -> CachedStore:
    forged: Any = client
    return CachedStore(store, forged, stale_seconds=600)


def test_the_last_reading_outlives_the_store(cached: CachedStore, store: MemoryStore, client: Client) -> None:
    fresh = cached.sessions("WTI", None, 3)
    assert fresh is not None
    assert not fresh.stale
    store.away = True
    kept = cached.sessions("WTI", None, 3)
    assert kept is not None
    assert kept.stale
    assert same(kept, Sessions(DAY, PRICES))
    assert client.lives == [600]


def test_a_store_that_is_away_is_waited_for_once(
    cached: CachedStore, store: MemoryStore, client: Client
) -> None:
    cached.sessions("WTI", None, 3)
    store.away = True
    for _ in range(5):
        assert cached.sessions("WTI", None, 3) is not None
    assert store.refused == 1


def test_a_store_that_answers_is_believed(cached: CachedStore, store: MemoryStore) -> None:
    cached.sessions("WTI", None, 3)
    corrected = Sessions(DAY, PRICES + 1)
    store.symbols["WTI"] = corrected
    found = cached.sessions("WTI", None, 3)
    assert found is not None
    assert (found.stale, same(found, corrected)) == (False, True)
    store.away = True
    kept = cached.sessions("WTI", None, 3)
    assert kept is not None
    assert same(kept, corrected)


def test_what_did_not_change_is_written_once(cached: CachedStore, client: Client) -> None:
    for _ in range(5):
        cached.sessions("WTI", None, 3)
    assert client.asked == 1


@pytest.mark.parametrize("as_of", [DAY, DAY + timedelta(days=900)])
def test_the_past_is_not_cached(
    cached: CachedStore, store: MemoryStore, client: Client, as_of: datetime
) -> None:
    cached.sessions("WTI", as_of, 3)
    store.away = True
    with pytest.raises(StoreAway):
        cached.sessions("WTI", as_of, 3)
    assert client.asked == 0


def test_other_windows_and_symbols_are_other_answers(cached: CachedStore, store: MemoryStore) -> None:
    cached.sessions("WTI", None, 3)
    store.away = True
    for symbol, count in (("WTI", 2), ("BRENT", 3)):
        with pytest.raises(StoreAway):
            cached.sessions(symbol, None, count)


def test_a_cache_that_is_away_costs_one_question(
    cached: CachedStore, store: MemoryStore, client: Client
) -> None:
    client.away = True
    for _ in range(5):
        assert cached.sessions("WTI", None, 3) is not None
    assert client.asked == 1
    store.away = True
    with pytest.raises(StoreAway):
        cached.sessions("WTI", None, 3)


def test_a_days_forecast_outlives_the_store_and_a_reason_does_not(
    cached: CachedStore, store: MemoryStore, client: Client
) -> None:
    tomorrow, later = date(2026, 1, 6), date(2026, 1, 7)
    store.deliveries["DE", tomorrow] = Delivery(b'{"periods":[]}', "")
    store.deliveries["DE", later] = Delivery(None, "no prices")
    for _ in range(3):
        assert cached.delivery("DE", tomorrow, None) == Delivery(b'{"periods":[]}', "")
        assert cached.delivery("DE", later, None) == Delivery(None, "no prices")
    assert len(client.kept) == len(client.lives) == 1
    store.away = True
    assert cached.delivery("DE", tomorrow, None) == Delivery(b'{"periods":[]}', "", stale=True)
    for day, as_of in ((later, None), (tomorrow, DAY)):
        with pytest.raises(StoreAway):
            cached.delivery("DE", day, as_of)


def test_a_store_that_is_away_is_waited_for_once_by_those_who_ask_for_a_day(
    cached: CachedStore, store: MemoryStore, client: Client
) -> None:
    day = date(2026, 1, 6)
    store.deliveries["DE", day] = Delivery(b"{}", "")
    cached.delivery("DE", day, None)
    cached.sessions("WTI", None, 3)
    asked: list[str] = []

    def away(symbol: str, *_: object) -> None:
        asked.append(symbol)
        raise StoreAway("away")

    forged: Any = store
    forged.delivery = forged.sessions = away
    for _ in range(5):
        assert cached.delivery("DE", day, None) == Delivery(b"{}", "", stale=True)
    # Nor by those who ask for sessions after them.
    assert cached.sessions("WTI", None, 3) is not None
    assert asked == ["DE"]
    # What the cache does not have, or not of then, is asked of the store all the same.
    for symbol, as_of in (("FR", None), ("DE", DAY)):
        with pytest.raises(StoreAway):
            cached.delivery(symbol, day, as_of)
    assert asked == ["DE", "FR", "DE"]


def test_many_days_that_are_asked_for_take_little_memory(cached: CachedStore, store: MemoryStore) -> None:
    def ask(count: int) -> int:
        for n in range(count):
            day = date(2000, 1, 1) + timedelta(days=n)
            store.deliveries = {("DE", day): Delivery(n.to_bytes(4) * 5_000, "")}
            cached.delivery("DE", day, None)
        return tracemalloc.get_traced_memory()[0]

    forged: Any = cached
    forged._client.set = lambda *_, **__: True
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        some = ask(5_000) - before
        assert some < 5_000_000  # of 100 MB of messages
        assert ask(9_000) - before < some + 500_000
    finally:
        tracemalloc.stop()
