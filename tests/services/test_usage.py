"""Limits and usage of data-api on a real Redis and a real database."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask_openapi3.openapi import OpenAPI

from tests.services.access import add_key, client, entitle
from tests.services.clients import MigratedDatabase
from tests.services.servers import Process, Redis, free_ports, until
from tests.services.test_access import NOW, ROLE, add, settings
from tools.embedded.process import START_SECONDS
from workloads.data_api.app import create_app
from workloads.data_api.guard import GUARD
from workloads.data_api.store import Store
from workloads.data_api.usage import Refusal, Usage
from workloads.kit.records import Transient

pytestmark = pytest.mark.thorough

PRICES = "/v1/prices?symbol=DE-LU"
DAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def served(database: MigratedDatabase, redis: Redis) -> Iterator[tuple[OpenAPI, OpenAPI]]:
    """Two servers, as two pods are."""
    given = settings(database).model_copy(
        update={"redis_url": redis.env["REDIS_URL"], "redis_password_file": redis.password_file}
    )
    stores = [Store(given), Store(given)]
    apps = [create_app(given, store) for store in stores]
    try:
        yield apps[0], apps[1]
    finally:
        for app, store in zip(apps, stores, strict=True):
            app.extensions[GUARD].close()
            store.close()


def reached(app: OpenAPI, key: str) -> Any:
    api = client(app, key)
    until(lambda: api.get(PRICES).status_code != 503, "the store is reached")
    return api


def used(database: MigratedDatabase, tenant: str) -> list[tuple[Any, ...]]:
    return database.query(
        "SELECT product, sum(requests)::int, sum(row_count)::int, sum(bytes) > 0 FROM api_usage"
        " WHERE tenant_id = %s GROUP BY product",
        (tenant,),
    )


def tenant_name(database: MigratedDatabase) -> str:
    """A tenant that no other test counts for: they share one Redis."""
    return database.name.replace("_", "-")


def test_two_servers_count_one_tenants_requests_together(
    database: MigratedDatabase, served: tuple[OpenAPI, OpenAPI]
) -> None:
    tenant = tenant_name(database)
    entitle(database, **{tenant: {"requests_per_minute": 20}})
    apis = [reached(app, add_key(database, tenant)) for app in served]
    codes: list[int] = []
    # It may begin in the last moments of a minute.
    for _ in range(2):
        codes = [apis[n % 2].get(PRICES).status_code for n in range(60)]
        if codes.count(429) >= 40:
            break
    assert 0 < codes.count(200) <= 20
    refused = apis[0].get(PRICES)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.get_json()["errors"][0]["field"] == "requests_per_minute"


def test_the_rows_of_a_month_end_and_a_redis_that_forgot_learns_them_again(
    database: MigratedDatabase, redis: Redis, served: tuple[OpenAPI, OpenAPI]
) -> None:
    for hour in range(3):
        add(database, "DE-LU", "power", DAY.replace(hour=hour), DAY)
    tenant = tenant_name(database)
    entitle(database, **{tenant: {"rows_per_month": 7}})
    key = add_key(database, tenant)
    one, two = (reached(app, key) for app in served)
    # Two to reach them, with three rows each, and one more.
    assert one.get(PRICES).status_code == 200
    for api in (one, two):
        refused = api.get(PRICES)
        assert refused.status_code == 429
        assert refused.get_json()["errors"][0]["field"] == "rows_per_month"
    for app in served:
        app.extensions[GUARD]._usage.write()
    assert used(database, tenant) == [("api", 3, 9, True)]
    redis.stop()
    redis.start()
    assert two.get(PRICES).status_code == 429


def test_the_rows_of_a_download_are_counted_when_they_are_sent(
    database: MigratedDatabase, served: tuple[OpenAPI, OpenAPI]
) -> None:
    for hour in range(3):
        add(database, "DE-LU", "power", DAY.replace(hour=hour), DAY)
    tenant = tenant_name(database)
    entitle(database, **{tenant: {"rows_per_month": 5}})
    api = reached(served[0], add_key(database, tenant))
    file = api.get("/v1/downloads?symbol=DE-LU", buffered=True)
    assert (file.status_code, file.text.count("\n")) == (200, 4)
    served[0].extensions[GUARD]._usage.write()
    # The line of names is no row; the page that was asked for first has three of its own.
    assert sorted(used(database, tenant)) == [("api", 1, 3, True), ("downloads", 1, 3, True)]
    assert api.get("/v1/downloads?symbol=DE-LU", buffered=True).status_code == 429


def test_without_redis_each_server_keeps_the_limits_itself(
    database: MigratedDatabase, redis: Redis, served: tuple[OpenAPI, OpenAPI]
) -> None:
    tenant = tenant_name(database)
    entitle(database, **{tenant: {"requests_per_minute": 20}})
    api = reached(served[0], add_key(database, tenant))
    redis.stop()
    try:
        codes: list[int] = []
        for _ in range(2):
            codes = [api.get(PRICES).status_code for _ in range(60)]
            if codes.count(429) >= 40:
                break
        assert set(codes) == {200, 429}
        assert codes.count(200) <= 20
    finally:
        redis.start()


def test_usage_written_twice_counts_once_and_none_is_lost_while_the_database_is_away(
    database: MigratedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = Usage(database.settings(ROLE), seconds=3600)
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda _: usage.count("t", "k", "api", rows=2, size=10), range(1000)):
            pass
    usage.write()
    usage.count("t", "k", "api", rows=1, size=1)

    written = usage._database.transaction
    calls = 0

    def committed_and_lost() -> Any:
        """The server commits, and its answer never comes."""
        nonlocal calls
        calls += 1
        with written() as connection:
            yield connection
        raise Transient("lost")

    from contextlib import contextmanager

    monkeypatch.setattr(usage._database, "transaction", contextmanager(committed_and_lost))
    for _ in range(3):
        with pytest.raises(Transient):
            usage.write()
    monkeypatch.undo()
    assert calls == 3
    usage.write()
    usage.close()
    assert database.query("SELECT requests, row_count, bytes FROM api_usage") == [(1001, 2001, 10001)]


def test_refusals_are_kept_by_kind_with_their_number(database: MigratedDatabase) -> None:
    usage = Usage(database.settings(ROLE), seconds=3600)
    for _ in range(5):
        usage.refuse(Refusal(None, "nobody", "prices", "unauthorized"))
    usage.refuse(Refusal("pilot-two", "k", "prices", "product"))
    usage.close()
    rows = database.query(
        "SELECT tenant_id, actor, subject, reason, sum((detail->>'requests')::int)::int FROM access_events"
        " GROUP BY 1, 2, 3, 4 ORDER BY 1"
    )
    assert rows == [
        ("pilot-two", "k", "prices", "product", 1),
        (None, "nobody", "prices", "unauthorized", 5),
    ]


def test_what_was_used_is_written_before_a_server_ends(database: MigratedDatabase, tmp_path: Path) -> None:
    add(database, "DE-LU", "power", DAY, DAY)
    entitle(database, pilot_one={})
    key = add_key(database, "pilot-one")
    (port,) = free_ports(1)
    given = {
        "PORT": str(port),
        "WORKERS": "2",
        "METRICS_DIR": str(tmp_path / "metrics"),
        "USAGE_SECONDS": "3600",
    }
    process = Process(
        [sys.executable, "-m", "workloads.data_api"], tmp_path / "api.log", database.env(ROLE) | given
    )

    def get() -> int:
        assert process.running(), process.tail()
        url = f"http://127.0.0.1:{port}{PRICES}"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    try:
        codes: list[int] = []
        until(lambda: codes.append(get()) or codes[-1] == 200, "it answers", 2 * START_SECONDS)
        codes += [get() for _ in range(20)]
        assert used(database, "pilot-one") == []
        os.kill(process.pid, 15)
        until(lambda: not process.running(), "it ends", 60)
    finally:
        process.stop()
    given_out = codes.count(200)
    assert used(database, "pilot-one") == [("api", given_out, given_out, True)]
    assert key not in (tmp_path / "api.log").read_text()
