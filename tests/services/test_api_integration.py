"""api-integration as it runs: two processes that share Redis, PostgreSQL and Kafka, before a stand-in."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.providers import Providers
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.servers import Process, Redis, free_ports, until
from tools.embedded.process import START_SECONDS
from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.api_events import ApiCall
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.providers import PROVIDERS

ROLE = API_INTEGRATION.role or ""
LEI = "529900T8BM49AURSDO55"
KEY = "k3y-of-the-weather+/="


class Answered:
    """What came back."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cache(self) -> str:
        return self.headers["X-Cache"]


class Replica:
    """A process of the workload, with one worker."""

    def __init__(self, directory: Path, env: dict[str, str]) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.log = directory / f"{port}.log"
        given = {"PORT": str(port), "WORKERS": "1", "METRICS_DIR": str(directory / f"metrics-{port}")}
        self.process = Process([sys.executable, "-m", "workloads.api_integration"], self.log, env | given)

    def ready(self) -> bool:
        assert self.process.running(), self.process.tail()
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def get(self, path: str, method: str = "GET", **headers: str) -> Answered:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, headers=named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answered(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answered(error.code, error.headers, error.read())

    def metric(self, line: str) -> float:
        """A figure by its name and labels as they are printed; 0 where there is none yet."""
        for one in self.get("/metrics").body.decode().splitlines():
            if one.startswith(f"{line} "):
                return float(one.rsplit(" ", 1)[1])
        return 0.0


class Platform:
    """Replicas on servers of the test's own choice."""

    def __init__(self, directory: Path, env: dict[str, str], providers: Providers) -> None:
        self._directory, self.env, self.providers = directory, env, providers
        self._running: list[Replica] = []

    def replicas(self, count: int = 2, **env: str) -> list[Replica]:
        started = [Replica(self._directory, self.env | env) for _ in range(count)]
        self._running += started
        until(lambda: all(one.ready() for one in started), "the replicas are ready", 2 * START_SECONDS)
        return started

    def close(self) -> None:
        for one in self._running:
            one.process.stop()


@pytest.fixture
def providers() -> Iterator[Providers]:
    server = Providers()
    yield server
    server.close()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A cache of the test's own: to stop, and empty."""
    directory = tmp_path / "redis"
    directory.mkdir()
    server = Redis(directory)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def broker(kafka: KafkaClient) -> KafkaClient:
    for topic in (topics.API_EVENTS, topics.PLATFORM_AUDIT):
        if topic not in kafka.admin.list_topics(timeout=30).topics:
            kafka.create(topic, 3)
    return kafka


@pytest.fixture
def platform(
    tmp_path: Path,
    database: MigratedDatabase,
    broker: KafkaClient,
    own_redis: Redis,
    providers: Providers,
) -> Iterator[Platform]:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "open-meteo").write_text(KEY)
    env = {
        **database.env(ROLE),
        **own_redis.env,
        "KAFKA_BOOTSTRAP": broker.bootstrap,
        "KEYS_DIR": str(keys),
        "PROVIDER_URLS": json.dumps(dict.fromkeys(PROVIDERS, providers.url)),
        "REDIS_REST_SECONDS": "0.3",
    }
    running = Platform(tmp_path, env, providers)
    try:
        yield running
    finally:
        running.close()


def lei(number: int) -> str:
    return f"/v1/reference/lei?lei={number:018d}00"


def test_an_answer_is_fetched_once_for_all_replicas_and_each_call_is_recorded(
    platform: Platform, database: MigratedDatabase, broker: KafkaClient
) -> None:
    first, second = platform.replicas()
    path = "/v1/weather/forecast?latitude=52.5200&longitude=13.405"
    fetched = first.get(path, X_Caller="desk", X_Request_Id="r-1")
    assert (fetched.status, fetched.cache) == (200, "MISS")
    assert fetched.json["hourly"]["temperature_2m"]
    # Another order, other digits, a default given: the same question.
    same = second.get("/v1/weather/forecast?days=7&longitude=13.4049&latitude=%2B52.52&hourly=temperature_2m")
    assert (same.cache, same.body) == ("HIT", fetched.body)
    assert int(same.headers["Age"]) >= 0
    assert "CC BY 4.0" in same.headers["X-Data-Licence"]
    assert platform.providers.count() == 1

    rows = (
        "SELECT caller, request_id, provider, route, question, status, cache, bytes, cost_units, milliseconds"
    )
    until(lambda: len(database.query("SELECT 1 FROM api_audit")) == 1, "the call is in the table")
    [(caller, request_id, provider, route, question, status, cache, size, cost, spent)] = database.query(
        f"{rows} FROM api_audit"
    )
    assert (caller, request_id, provider, route) == ("desk", "r-1", "weather", "forecast")
    assert (status, cache, size, cost) == (200, "miss", len(fetched.body), 1)
    assert question == "weather/forecast?days=7&hourly=temperature_2m&latitude=52.52&longitude=13.4"
    assert spent > 0
    events: list[ApiCall] = []

    def told() -> bool:
        decode = decoder(ApiCall)
        found = [decode(record.raw) for record in broker.read_now(topics.API_EVENTS)]
        events[:] = [one for one in found if one.question == question]
        return bool(events)

    until(told, "the call is on the topic")
    assert (len(events), events[0].caller, events[0].milliseconds) == (1, "desk", spent)
    # The key went out, and is nowhere here.
    assert platform.providers.count(f"apikey={quote(KEY, safe='')}") == 1
    for text in (first.log.read_text(), fetched.body.decode(), question, str(events)):
        assert KEY not in text
        assert quote(KEY, safe="") not in text


def test_a_hundred_who_ask_at_once_in_two_replicas_make_one_call(platform: Platform) -> None:
    replicas = platform.replicas()
    platform.providers.delay = 0.3
    with ThreadPoolExecutor(60) as pool:
        found = list(pool.map(lambda n: replicas[n % 2].get(lei(1)), range(60)))
    assert {one.status for one in found} == {200}
    assert len({one.body for one in found}) == 1
    assert platform.providers.count() == 1
