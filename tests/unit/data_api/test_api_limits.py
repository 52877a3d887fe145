"""Limits: counted for all, refused by name, and kept by each worker for itself while Redis is away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import redis

from tests.unit.data_api.conftest import KEY, SETTINGS, MemoryStore, StaticRegister, price
from workloads.data_api.app import create_app
from workloads.data_api.guard import Guard
from workloads.data_api.identity import Principal
from workloads.data_api.limits import Limits
from workloads.data_api.problems import Refused
from workloads.data_api.store import Store
from workloads.data_api.usage import Usage

NOW = datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC)


class Away:
    """A Redis that does not answer, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def pipeline(self, **_: Any) -> Any:
        self.asked += 1
        raise redis.ConnectionError("away")

    def eval(self, *_: Any) -> Any:
        self.asked += 1
        raise redis.ConnectionError("away")


class Clock(datetime):
    """The instant that a test says."""

    at: datetime = NOW

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return cls.at


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    Clock.at = NOW
    monkeypatch.setattr("workloads.data_api.limits.datetime", Clock)
    return Clock


def principal(*, own: int | None = None, key: str = "k", **changed: Any) -> Principal:
    entitlement = StaticRegister().entitlements["pilot-one"].model_copy(update=changed)
    return Principal(
        tenant="pilot-one",
        key=key,
        scopes=frozenset(),
        entitlement=entitlement,
        requests_per_minute=own,
    )


def unused(_tenant: str, _since: datetime) -> int:
    raise AssertionError("nobody has to know")


def headers(limits: Limits, asks: Principal) -> Mapping[str, str]:
    with pytest.raises(Refused) as refused:
        limits.take(asks)
    assert refused.value.status == 429
    return refused.value.headers


def test_the_requests_of_a_minute_are_a_tenants_whatever_its_keys(clock: type[Clock]) -> None:
    away = Away()
    limits = Limits(cast("redis.Redis", away), unused)
    for number in range(3):
        limits.take(principal(requests_per_minute=3, key=f"k{number}"))
    assert headers(limits, principal(requests_per_minute=3)) == {"Retry-After": "10"}
    # It waited for Redis once.
    assert away.asked == 1
    clock.at = NOW + timedelta(seconds=10)
    limits.take(principal(requests_per_minute=3))


def test_a_key_may_have_a_limit_of_its_own() -> None:
    limits = Limits(None, unused)
    limits.take(principal(own=1, key="small"))
    with pytest.raises(Refused, match="key small has used its 1 requests"):
        limits.take(principal(own=1, key="small"))
    limits.take(principal(key="other"))


def test_the_rows_of_a_month_are_those_of_the_record_and_what_was_given_since() -> None:
    asked: list[tuple[str, datetime]] = []

    def used(tenant: str, since: datetime) -> int:
        asked.append((tenant, since))
        return 90

    limits, asks = Limits(None, used), principal(rows_per_month=100)
    limits.take(asks)
    limits.add(asks, 9)
    limits.take(asks)
    limits.add(asks, 1)
    # Until the month is over, here in ten seconds.
    assert headers(limits, asks) == {"Retry-After": "11"}
    assert asked == [("pilot-one", datetime(2026, 11, 1, tzinfo=UTC))]


def test_what_is_not_limited_asks_nobody() -> None:
    limits = Limits(None, unused)
    for _ in range(1000):
        limits.take(principal(rows_per_month=None, requests_per_minute=100_000))


def test_what_was_not_sent_is_not_counted(register: StaticRegister, store: MemoryStore) -> None:
    """Nor are the rows of a HEAD, nor the bytes of what a client has already."""
    counted: list[tuple[int, int]] = []

    class Counting:
        def count(self, *_: object, rows: int, size: int) -> None:
            counted.append((rows, size))

    store.found = [price(hour) for hour in range(7)]
    guard = Guard(register, usage=cast("Usage", Counting()))
    client = create_app(SETTINGS, cast("Store", store), guard).test_client()
    known = {"Authorization": f"Bearer {KEY}"}
    asked = "/v1/prices?symbol=DE-LU&as_of=2026-03-05T00:00:00Z"
    first = client.get(asked, headers=known)
    assert client.head(asked, headers=known).status_code == 200
    assert client.get(asked, headers={**known, "If-None-Match": first.headers["ETag"]}).status_code == 304
    assert counted == [(7, len(first.data)), (0, 0), (0, 0)]
