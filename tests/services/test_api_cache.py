"""The shared cache on a real Redis: what late calls, lost tags and withdrawals do to answers."""

from __future__ import annotations

import time

import msgspec
import pytest

from tests.services.servers import Redis, until
from workloads.api_integration.cache import Cache, Entry, Flight
from workloads.api_integration.questions import Question, question
from workloads.api_integration.shared import PREFIX, Away, Shared
from workloads.kit import redis_client

YEARS = iter(range(1975, 2075))


@pytest.fixture
def shared(redis: Redis) -> Shared:
    client = redis_client.connected(f"redis://127.0.0.1:{redis.port}", redis.password_file, 5.0)
    return Shared(client, 0.1)


@pytest.fixture
def asked() -> Question:
    return question("holidays", "public", {"year": [str(next(YEARS))], "country": ["DE"]})


def entry(body: bytes) -> Entry:
    now = time.time()
    return Entry(
        status=200,
        body=body,
        etag=None,
        last_modified=None,
        received_at=now,
        confirmed_at=now,
        fresh_until=now + 60,
        stale_until=now + 120,
    )


def taken(cache: Cache, asked: Question, seconds: float = 30.0) -> Flight:
    flight = cache.lead(asked, seconds)
    assert flight is not None
    return flight


def held(cache: Cache, asked: Question) -> bytes | None:
    found = cache.look(asked).entry
    return None if found is None else found.body


def test_a_call_whose_lock_ran_out_does_not_overwrite_a_later_one(shared: Shared, asked: Question) -> None:
    late, next_ = Cache(shared, memory=10), Cache(shared, memory=10)
    slow = taken(late, asked, 0.05)
    flights: list[Flight] = []

    def free() -> bool:
        flight = next_.lead(asked, 30)
        if flight is not None:
            flights.append(flight)
        return bool(flights)

    until(free, "the lock runs out")
    next_.keep(asked, flights[0], entry(b"new"))
    late.keep(asked, slow, entry(b"old"))
    assert held(next_, asked) == b"new"
    # Nor does it give back a flight that is another's.
    late.land(asked, slow)
    assert late.lead(asked, 30) is None
    next_.land(asked, flights[0])
    assert late.lead(asked, 30) is not None


def test_an_answer_whose_tag_redis_lost_is_not_given(shared: Shared, asked: Question) -> None:
    cache = Cache(shared, memory=10)
    cache.keep(asked, taken(cache, asked), entry(b"x"))
    assert held(cache, asked) == b"x"
    shared.client.delete(f"{PREFIX}:tag:country:DE")
    assert held(cache, asked) is None


def test_what_was_withdrawn_is_forgotten_in_memory_too(
    redis: Redis, asked: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (
        Shared(redis_client.connected(f"redis://127.0.0.1:{redis.port}", redis.password_file, 5.0), 0.1)
        for _ in range(2)
    )
    cache, elsewhere = Cache(one, memory=10), Cache(other, memory=10)
    cache.keep(asked, taken(cache, asked), entry(b"x"))
    assert elsewhere.withdraw("country:DE")
    sibling = question("holidays", "public", {"year": ["2074"], "country": ["PL"]})
    cache.look(sibling)

    def away(_question: object) -> None:
        raise Away

    monkeypatch.setattr(one, "ask", away)
    assert held(cache, asked) is None
    with pytest.raises(Away):
        cache.withdraw("country:DE")


def test_memory_is_bounded_and_keeps_what_was_asked_for_last(redis: Redis) -> None:
    shared = Shared(redis_client.connected("redis://127.0.0.1:1", None, 0.2), 60)
    cache = Cache(shared, memory=2)
    years = ("1990", "1991", "1992")
    asked = [question("holidays", "public", {"year": [year], "country": ["FR"]}) for year in years]
    for number, one in enumerate(asked):
        flight = taken(cache, one)
        assert not flight.shared
        cache.keep(one, flight, entry(str(number).encode()))
    assert [held(cache, one) for one in asked] == [None, b"1", b"2"]


def test_an_entry_is_read_back_as_it_was(shared: Shared, asked: Question) -> None:
    cache = Cache(shared, memory=10)
    kept = cache.keep(asked, taken(cache, asked), entry(bytes(range(256))))
    found = Cache(shared, memory=10).look(asked).entry
    assert found is not None
    assert msgspec.structs.asdict(found) == msgspec.structs.asdict(kept)
