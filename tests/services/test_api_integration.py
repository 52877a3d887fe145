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
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.providers import PROVIDERS

pytestmark = pytest.mark.thorough

ROLE = API_INTEGRATION.role or ""

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
def broker(kafka: KafkaClient) -> Iterator[KafkaClient]:
    own = [topics.API_EVENTS, topics.PLATFORM_AUDIT]
    for topic in own:
        kafka.create(topic, 3)
    yield kafka
    for future in kafka.admin.delete_topics(own).values():
        future.result(30)


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


def withdrawal(tag: str, log: Path, env: dict[str, str]) -> Process:
    """The command that withdraws a tag."""
    why = ["--by", "op", "--reason", "x"]
    return Process([sys.executable, "-m", "workloads.api_integration", "withdraw", tag, *why], log, env)


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


def test_a_limit_is_kept_by_all_replicas_together(platform: Platform) -> None:
    replicas = platform.replicas()
    [limit] = PROVIDERS["reference"].limits
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: replicas[n % 2].get(lei(n)), range(2 * limit.calls)))
    passed = [one for one in found if one.status == 200]
    # What is kept back for when Redis is away is not used.
    assert len(passed) == platform.providers.count() == int(limit.calls * 0.75)
    refused = next(one for one in found if one.status != 200)
    assert refused.status == 503
    assert 1 <= int(refused.headers["Retry-After"]) <= limit.seconds + 1
    assert (refused.json["provider"], "60 units in 60 s" in refused.json["detail"]) == ("reference", True)
    assert refused.json["remedy"]
    # Those of one provider's quota: another's are its own.
    assert replicas[0].get("/v1/holidays/public?year=2026&country=DE").status == 200


def test_while_redis_is_away_each_replica_answers_within_its_part_of_the_limit(
    platform: Platform, own_redis: Redis
) -> None:
    replicas = platform.replicas(MAX_PROCESSES="2")
    known = replicas[0].get(lei(1))
    assert known.cache == "MISS"
    own_redis.stop()
    again = replicas[0].get(lei(1))
    assert (again.status, again.cache, again.body) == (200, "HIT", known.body)
    found = [replicas[n % 2].get(lei(100 + n)).status for n in range(30)]
    assert found.count(200) == 2 * int(60 * 0.25 / 2)
    assert set(found) == {200, 503}
    own_redis.start()
    until(lambda: replicas[1].get(lei(1)).cache == "MISS", "it is asked through Redis again", 30)
    assert platform.providers.within(60) <= 60


def test_what_is_stale_is_given_while_the_provider_fails_and_says_so(platform: Platform) -> None:
    first, second = platform.replicas(TTL_SECONDS="0.2", BREAKER_FAILURES="1000", FAILED_SECONDS="0.1")
    path = "/v1/holidays/public?country=de&year=2026"
    fetched = first.get(path)
    platform.providers.failing = 1.0
    until(lambda: second.get(path).cache == "STALE", "its time is over")
    stale = second.get(path)
    assert (stale.status, stale.body) == (200, fetched.body)
    assert stale.headers["Warning"] == '110 - "Response is Stale"'
    assert stale.headers["Cache-Control"] == "no-store"
    assert "holidays answered 503" in stale.headers["X-Stale-Because"]
    other = second.get("/v1/holidays/public?country=FR&year=2026")
    assert (other.status, other.headers["Content-Type"]) == (502, "application/problem+json")
    assert (other.json["provider"], other.json["remedy"]) == ("holidays", "ask again later")
    platform.providers.failing = 0.0
    until(lambda: second.get(path).cache in ("MISS", "HIT"), "it is fresh again")


def test_a_failing_provider_is_left_alone_by_all_and_tried_once(platform: Platform) -> None:
    replicas = platform.replicas(
        BREAKER_FAILURES="4", BREAKER_SECONDS="3", ATTEMPTS="1", FAILED_SECONDS="0.05"
    )
    platform.providers.failing = 1.0
    refused = [replicas[n % 2].get(lei(n)) for n in range(12)]
    assert platform.providers.count() == 4
    assert "left alone" in refused[-1].json["detail"]
    # Another provider's circuit is its own.
    platform.providers.failing = 0.0
    assert replicas[0].get("/v1/holidays/public?country=PL&year=2026").status == 200
    assert {replicas[n % 2].get(lei(50 + n)).status for n in range(4)} == {503}
    assert platform.providers.count("lei-records") == 4
    until(lambda: replicas[1].get(lei(1)).status == 200, "it was tried, and is called again")
    assert replicas[0].get(lei(2)).status == 200
    assert replicas[0].metric('carbon_api_integration_circuit_open{provider="reference"}') == 0


def test_of_many_who_ask_when_a_circuit_may_be_tried_one_does(platform: Platform) -> None:
    replicas = platform.replicas(
        BREAKER_FAILURES="1", BREAKER_SECONDS="1", ATTEMPTS="1", FAILED_SECONDS="0.01"
    )
    platform.providers.failing = 1.0
    replicas[0].get(lei(0))
    assert platform.providers.count() == 1
    platform.providers.delay = 1.0

    def asked(number: int) -> int:
        with ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda n: replicas[n % 2].get(lei(12 * number + n)), range(12)))
        return platform.providers.count()

    rounds = iter(range(1, 1000))
    until(lambda: asked(next(rounds)) > 1, "it is tried")
    assert platform.providers.count() == 2


def test_that_there_is_no_such_thing_is_believed_for_a_while(platform: Platform) -> None:
    first, second = platform.replicas()
    path = "/v1/holidays/public?country=XX&year=2026"
    found = [first.get(path), second.get(path), second.get(path)]
    assert [one.status for one in found] == [404, 404, 404]
    assert platform.providers.count() == 1
    assert found[1].json["provider"] == "holidays"
    platform.providers.answer = lambda path, query: (
        (400, {}, b'{"error": true, "reason": "Latitude is wrong"}') if "forecast" in path else None
    )
    wrong = first.get("/v1/weather/forecast?latitude=1&longitude=2")
    assert (wrong.status, "Latitude is wrong" in wrong.json["detail"]) == (422, True)


def test_a_withdrawn_tag_is_asked_for_again_in_every_replica_and_the_withdrawal_recorded(
    platform: Platform, broker: KafkaClient, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("operators-only")
    first, second = platform.replicas(OPERATOR_TOKEN_FILE=str(token))
    german, polish = (f"/v1/holidays/public?country={country}&year=2026" for country in ("DE", "PL"))
    for path in (german, polish):
        assert [first.get(path).cache, second.get(path).cache] == ["MISS", "HIT"]
    tag = "/v1/tags/country:DE?reason=wrong+day"
    assert first.get(tag, "DELETE").status == 401
    assert first.get(tag, "DELETE", Authorization="Bearer guess", X_Caller="me").status == 401
    assert second.get(german).cache == "HIT"
    done = first.get(tag, "DELETE", Authorization="Bearer operators-only", X_Caller="me")
    assert done.json == {"tag": "country:DE", "withdrawn": True, "recorded": True}
    # Not even as stale: it is known to be wrong.
    platform.providers.failing = 1.0
    assert second.get(german).status == 502
    assert second.get(polish).cache == "HIT"
    platform.providers.failing = 0.0
    until(lambda: second.get(german).cache == "MISS", "it is asked for again")
    assert first.get(german).cache == "HIT"

    command = [
        sys.executable,
        "-m",
        "workloads.api_integration",
        "withdraw",
        "all",
        "--by",
        "op",
        "--reason",
        "x",
    ]
    run = Process(command, tmp_path / "withdraw.log", platform.env)
    until(lambda: not run.running(), "the command ends", 60)
    assert "all: withdrawn" in run.tail()
    assert first.get(polish).cache == "MISS"
    decode = decoder(AuditEvent)
    told = [decode(record.raw) for record in broker.read(topics.PLATFORM_AUDIT)]
    assert {("me", "country:DE", "wrong day"), ("op", "all", "x")} <= {
        (event.actor, event.subject, event.reason) for event in told
    }


def test_an_answer_of_a_call_from_before_a_withdrawal_is_not_kept(platform: Platform) -> None:
    (replica, other) = platform.replicas()
    path = "/v1/holidays/public?country=AT&year=2026"
    platform.providers.delay = 1.5
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(replica.get, path)
        until(lambda: platform.providers.count() == 1, "it is under way")
        withdrawing = withdrawal("holidays", replica.log.with_suffix(".withdraw"), platform.env)
        assert early.result(30).status == 200
        until(lambda: not withdrawing.running(), "the command ends", 60)
    assert other.get(path).cache == "MISS"
    assert platform.providers.count() == 2


def test_an_answer_that_still_holds_is_not_sent_again(platform: Platform, database: MigratedDatabase) -> None:
    platform.providers.validators = True
    (replica,) = platform.replicas(1, TTL_SECONDS="0.2")
    path = "/v1/holidays/public?country=CH&year=2026"
    fetched = replica.get(path)
    again: list[Answered] = []

    def revalidated() -> bool:
        again[:] = [replica.get(path)]
        return again[0].cache == "REVALIDATED"

    until(revalidated, "the provider says that it still holds")
    assert again[0].body == fetched.body
    query = "SELECT status, cache, cache_hit, bytes FROM api_audit ORDER BY at LIMIT 2"
    until(lambda: len(database.query(query)) == 2, "both calls are recorded")
    assert database.query(query) == [(200, "miss", False, len(fetched.body)), (304, "expired", True, 0)]


def test_a_call_that_failed_is_tried_again_and_each_try_recorded(
    platform: Platform, database: MigratedDatabase
) -> None:
    (replica,) = platform.replicas(1)
    answers = iter([(503, {}, b""), (200, {}, b"{half an answ")])
    platform.providers.answer = lambda path, query: next(answers, None)
    assert replica.get(lei(1)).status == 200
    query = "SELECT attempt, status, outcome FROM api_audit ORDER BY attempt"
    until(lambda: len(database.query(query)) == 3, "all three are recorded")
    assert database.query(query) == [(1, 503, "failed"), (2, 200, "failed"), (3, 200, "answered")]


def test_a_provider_that_asks_to_be_left_alone_is(platform: Platform) -> None:
    first, second = platform.replicas(FAILED_SECONDS="0.05")
    platform.providers.answer = lambda path, query: (429, {"Retry-After": "40"}, b"slow down")
    assert first.get(lei(1)).status == 502
    refused = second.get(lei(2))
    assert (refused.status, "left alone" in refused.json["detail"]) == (503, True)
    assert 30 <= int(refused.headers["Retry-After"]) <= 40
    assert platform.providers.count() == 1


def test_what_waits_to_be_recorded_is_written_at_the_end_and_answers_never_wait(
    platform: Platform, database: MigratedDatabase
) -> None:
    (replica,) = platform.replicas(1, POSTGRES_CONNECT_TIMEOUT_SECONDS="1", EFFECTS_WAITING="20")
    with database.server.connect() as admin:
        admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false".encode())
        for number in range(30):
            assert replica.get(lei(number)).status == 200
        dropped = 'carbon_api_integration_dropped_records_total{outlet="postgres"}'
        assert replica.metric(dropped) + 20 <= 30
        admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true".encode())
    lost = int(replica.metric(dropped))
    replica.process.stop()
    assert replica.process.code == 0
    assert database.query("SELECT count(*) FROM api_audit") == [(30 - lost,)]


def test_brokers_that_are_away_hold_up_no_answer(platform: Platform, database: MigratedDatabase) -> None:
    (port,) = free_ports(1)
    (replica,) = platform.replicas(1, KAFKA_BOOTSTRAP=f"127.0.0.1:{port}")
    assert replica.get(lei(1)).status == 200
    until(lambda: len(database.query("SELECT 1 FROM api_audit")) == 1, "the row is written all the same")
