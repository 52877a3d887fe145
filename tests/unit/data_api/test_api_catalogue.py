"""The list of series: read by one, kept for a while, and given out old rather than not at all."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI

from tests.unit.data_api.conftest import KEY, SETTINGS, START, MemoryStore, StaticRegister, price
from workloads.data_api.answers import Written
from workloads.data_api.app import create_app
from workloads.data_api.catalogue import Catalogue, Key
from workloads.data_api.guard import Guard
from workloads.data_api.latest import Forecast, Latest
from workloads.data_api.store import Row, Store, StoreAway, StoreBusy


def series(symbol: str) -> Row:
    row = {name: value for name, value in price(0).items() if name in Key._fields}
    return row | {"symbol": symbol, "first_delivery": START, "last_delivery": START, "last_published": START}


def catalogue(store: object, *, seconds: float, wait_seconds: float = 5) -> Catalogue:
    return Catalogue(cast("Store", store), seconds=seconds, wait_seconds=wait_seconds)


def test_it_is_in_order_and_read_once_while_it_is_new(store: MemoryStore) -> None:
    store.found = [series("WTI"), series("BRENT")]
    kept = catalogue(store, seconds=3600)
    at, rows = kept.read()
    assert [key.symbol for key in rows] == ["BRENT", "WTI"]
    assert kept.read()[0] == at
    assert len(store.asked) == 1


def test_the_last_one_is_given_while_the_database_is_away(store: MemoryStore) -> None:
    store.found = [series("WTI")]
    kept = catalogue(store, seconds=0)
    at, _ = kept.read()
    store.error = StoreAway("away")
    again, rows = kept.read()
    assert again == at
    assert len(rows) == 1
    store.error = None
    store.found = []
    assert kept.read()[1] == {}


def test_a_reading_that_failed_is_not_tried_again_at_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would wait for a database that is away."""
    now = 1000.0
    monkeypatch.setattr("workloads.data_api.catalogue.time.monotonic", lambda: now)
    store.found = [series("WTI")]
    kept = catalogue(store, seconds=30)
    at, _ = kept.read()
    store.error = StoreAway("away")
    now += 31
    assert [kept.read()[0], kept.read()[0]] == [at, at]
    assert len(store.asked) == 2
    store.error, now = None, now + 31
    assert kept.read()[0] > at


def test_before_the_first_there_is_none_to_give(store: MemoryStore) -> None:
    store.error = StoreAway("away")
    with pytest.raises(StoreAway):
        catalogue(store, seconds=0).read()


class Held:
    """A store that answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.let = threading.Event(), threading.Event()
        self.count = 0

    def rows(self, _query: object, _values: Mapping[str, Any]) -> list[Row]:
        self.count += 1
        self.asked.set()
        assert self.let.wait(60)
        return [series("WTI")]


def test_who_comes_while_it_is_first_read_waits_for_that_and_not_for_ever() -> None:
    store = Held()
    patient = catalogue(store, seconds=3600, wait_seconds=60)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(patient.read)
        assert store.asked.wait(60)
        second = pool.submit(patient.read)
        store.let.set()
        assert second.result(60) == first.result(60)
    assert store.count == 1

    store = Held()
    hasty = catalogue(store, seconds=3600, wait_seconds=0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(hasty.read)
        assert store.asked.wait(60)
        with pytest.raises(StoreBusy):
            hasty.read()
        store.let.set()
        first.result(60)


def test_an_old_one_is_given_while_a_new_one_is_read() -> None:
    store = Held()
    store.let.set()
    kept = catalogue(store, seconds=0)
    at, _ = kept.read()
    store.let.clear()
    store.asked.clear()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(kept.read)
        assert store.asked.wait(60)
        assert kept.read()[0] == at
        store.let.set()
        assert reading.result(60)[0] > at


def test_a_list_kept_under_an_older_belief_shows_nobody_more_than_he_may_see(
    store: MemoryStore, register: StaticRegister
) -> None:
    """The database knew that one tenant gains gas; the other, of the same view until then, does not."""
    store.found = [series("DE-LU"), series("TTF") | {"market": "gas"}]
    only_power = {"pilot-one": register.entitlements["pilot-one"].model_copy(update={"markets": ("power",)})}
    register.entitlements = only_power
    api = create_app(SETTINGS, cast("Store", store), Guard(register)).test_client()
    api.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    found = api.get("/v1/instruments").get_json()["items"]
    assert [one["symbol"] for one in found] == ["DE-LU"]
    api.get("/v1/latest")
    assert store.asked[-1]["symbol"] == ["DE-LU"]


def test_pages_of_the_last_prices_are_as_of_one_instant(app: OpenAPI, store: MemoryStore) -> None:
    api: FlaskClient = app.test_client()
    unknown = dict.fromkeys([*Latest.model_fields, "made_from", *Forecast.model_fields])
    store.found = [unknown | price(0) | series(symbol) for symbol in ("A", "B", "C")]
    first = api.get("/v1/latest?limit=2").get_json()
    at = store.asked[-1]["as_of"]
    api.get("/v1/latest", query_string={"limit": 2, "cursor": first["next"]})
    assert store.asked[-1]["as_of"] == at == datetime.fromisoformat(first["as_of"])


def test_a_long_page_is_written_anew_each_time_and_a_short_one_once(store: MemoryStore) -> None:
    kept, made = catalogue(store, seconds=3600), list[int]()

    def page(size: int) -> Written:
        made.append(size)
        return Written("x" * size, "json", "d", None, 1)

    for size in (10, 10, 70_000, 70_000):
        kept.written(size, lambda size=size: page(size))
    assert made == [10, 70_000, 70_000]
