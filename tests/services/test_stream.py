"""/v1/stream as it is deployed: gunicorn, Kafka, and clients that come back, lag behind or ask nonsense."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.services.access import add_key, entitle
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, publish
from tests.services.servers import Process, free_ports, until
from tools.embedded.process import START_SECONDS
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.messages import Price

START = datetime(2020, 3, 1, tzinfo=UTC)
"""So long ago that years of hours are known by now."""
SYMBOLS = [f"S{number}" for number in range(8)]


@pytest.fixture(autouse=True)
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


def prices(first: int, count: int) -> list[Price]:
    """Of the symbols in turn; each price is its number."""
    return [
        Price(
            source="s",
            market="power",
            symbol=SYMBOLS[number % len(SYMBOLS)],
            product="day-ahead",
            delivery_start=START + timedelta(hours=number),
            delivery_end=START + timedelta(hours=number + 1),
            resolution="PT1H",
            published_at=START + timedelta(hours=number) - timedelta(days=1),
            provenance="market",
            price=float(number),
            currency="EUR",
            unit="MWh",
        )
        for number in range(first, first + count)
    ]


@dataclass
class Server:
    port: int
    process: Process
    key: str
    """Of a tenant that gets everything."""

    @property
    def known(self) -> dict[str, str]:
        """Headers of who shows the key."""
        return {"Authorization": f"Bearer {self.key}"}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        assert self.process.running(), self.process.tail()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers=self.known | dict(headers or {})
        )
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith(f"{name} ")]
        return sum(float(line.split()[1]) for line in lines)


@contextmanager
def served(database: MigratedDatabase, kafka: KafkaClient, directory: Path, **env: str) -> Iterator[Server]:
    (port,) = free_ports(1)
    entitle(database, pilot_one={})
    key = add_key(database, "pilot-one")
    given = os.environ | database.env(DATA_API.role or "")
    given |= {"KAFKA_BOOTSTRAP": kafka.bootstrap, "PORT": str(port), "WORKERS": "1"}
    given |= {"METRICS_DIR": str(directory / "metrics"), "GRACEFUL_SECONDS": "1"} | env
    process = Process([sys.executable, "-m", "workloads.data_api"], directory / "api.log", given)
    server = Server(port, process, key)
    try:
        until(lambda: server.get("/readyz")[0] == 200, "it is ready", 2 * START_SECONDS)

        def streams() -> bool:
            status, _ = _asked(server, "/v1/stream")
            return status == 200

        until(streams, "the stream is there", 60, every=0.2)
        yield server
    finally:
        process.stop()


def _asked(server: Server, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("GET", path, headers=server.known)
        answer = connection.getresponse()
        return answer.status, b"" if answer.status == 200 else answer.read()
    finally:
        connection.close()


@dataclass
class Reader:
    """A client: a line after the other, what it had and where it is."""

    server: Server
    query: str = ""
    last: str = ""
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    beats: int = 0

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        self._connection.request(
            "GET",
            f"/v1/stream{self.query}",
            headers=self.server.known | ({"Last-Event-ID": self.last} if self.last else {}),
        )
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()
        self._step()  # where it begins
        assert self.last

    def close(self) -> None:
        self._answer.close()
        self._connection.close()

    def _step(self) -> None:
        """One block, up to its empty line."""
        name, data, place = "", "", ""
        while line := self._answer.readline().decode().rstrip("\n"):
            key, _, value = line.partition(": ")
            name, data, place = (
                value if key == "event" else name,
                value if key == "data" else data,
                value if key == "id" else place,
            )
        assert place, "the stream ended"
        self.last = place
        if name:
            self.got.append((name, json.loads(data)))
        else:
            self.beats += 1

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._step()

    @property
    def numbers(self) -> list[float]:
        return [data["price"] for _, data in self.got]


def test_prices_come_as_they_are_published_to_who_asked_for_them(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    with served(database, kafka, tmp_path) as server:
        before = Reader(server)
        publish(kafka, prices(0, 80))
        before.until(lambda: len(before.got) == 80)
        before.close()
        every, two = Reader(server), Reader(server, "?symbols=S1,S3&events=prices")
        none = Reader(server, "?events=predictions")
        publish(kafka, prices(80, 80))
        every.until(lambda: len(every.got) == 80)
        assert sorted(every.numbers) == list(map(float, range(80, 160)))  # and none of before
        two.until(lambda: len(two.got) == 20)
        assert {data["symbol"] for _, data in two.got} == {"S1", "S3"}
        name, first = two.got[0]
        assert name == "price"
        asked = set(
            json.loads(server.get("/api/openapi.json")[1])["components"]["schemas"]["Price"]["properties"]
        )
        assert set(first) == asked
        assert none.got == []
        until(lambda: server.metric("carbon_data_api_stream_clients") == 3, "three are connected")
        for one in (every, two, none):
            one.close()
        # A socket that is closed is found out when something is sent.
        until(lambda: server.metric("carbon_data_api_stream_clients") == 0, "none is connected")


def test_a_client_that_comes_back_loses_and_doubles_nothing(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    choose = random.Random(5)
    total = 20_000
    # So little may wait that each burst is more: who reads is not cut off for it.
    with served(database, kafka, tmp_path, STREAM_BUFFER_BYTES="8192") as server:
        reader = Reader(server)
        other = Reader(server, "?symbols=S2")

        def go_on() -> None:
            for first in range(0, total, 500):
                publish(kafka, prices(first, 500))

        publisher = threading.Thread(target=go_on)
        publisher.start()
        while len(reader.got) < total:
            goal = min(total, len(reader.got) + choose.randrange(1, 4_000))
            reader.until(lambda goal=goal: len(reader.got) >= goal)
            reader.close()
            reader.connect()
        publisher.join()
        assert sorted(reader.numbers) == list(map(float, range(total)))
        for symbol in range(8):
            of = [number for number in reader.numbers if number % 8 == symbol]
            assert of == sorted(of)
        other.until(lambda: len(other.got) == total // 8)
        assert other.numbers == list(map(float, range(2, total, 8)))
        # What comes next is sent once, to who has just come back, too.
        publish(kafka, prices(total, 8))
        reader.until(lambda: len(reader.got) == total + 8)
        assert sorted(reader.numbers[total:]) == list(map(float, range(total, total + 8)))
        assert server.metric("carbon_data_api_stream_dropped_total") == 0


@pytest.mark.thorough
def test_a_client_that_does_not_read_is_cut_off_alone(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    total = 30_000
    limits = {"STREAM_PATIENCE_SECONDS": "5", "STREAM_BUFFER_BYTES": "65536"}
    with served(database, kafka, tmp_path, **limits) as server:
        reader = Reader(server)
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect(("127.0.0.1", server.port))
        head = f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n\r\n"
        slow.sendall(head.encode())
        until(lambda: server.metric("carbon_data_api_stream_clients") == 2, "both are connected")
        publish(kafka, prices(0, total))
        reader.until(lambda: len(reader.got) == total)
        assert sorted(reader.numbers) == list(map(float, range(total)))
        until(lambda: server.metric("carbon_data_api_stream_dropped_total") == 1, "the slow one is cut off")
        assert server.metric("carbon_data_api_stream_clients") == 1
        slow.close()


def test_a_quiet_line_says_where_it_is(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    with served(database, kafka, tmp_path, STREAM_HEARTBEAT_SECONDS="0.2") as server:
        quiet = Reader(server, "?symbols=NONE")
        before = quiet.last
        publish(kafka, prices(0, 16))
        quiet.until(lambda: quiet.last != before and quiet.beats > 5)
        quiet.close()
        # It comes back for all symbols, and is sent nothing that it did not ask for while it was there.
        quiet.query = ""
        until(lambda: server.metric("carbon_data_api_stream_clients") == 0, "it is gone")
        quiet.until(lambda: True)
        quiet.connect()
        publish(kafka, prices(16, 8))
        quiet.until(lambda: len(quiet.got) >= 8)
        assert sorted(quiet.numbers)[-8:] == list(map(float, range(16, 24)))


def test_what_cannot_be_is_refused_and_the_threads_stay_free(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    with served(database, kafka, tmp_path, STREAM_CLIENTS="60", STREAM_REPLAY_MESSAGES="50") as server:
        for path, said in (
            ("/v1/stream?symbols=", "symbols"),
            ("/v1/stream?symbols=a,,b", "symbols"),
            ("/v1/stream?format=csv", "format"),
            ("/v1/stream?last_event_id=AAAA", "Last-Event-ID"),
        ):
            status, body = _asked(server, path)
            assert (status, json.loads(body)["errors"][0]["field"]) == (422, said)
        # More than gunicorn has threads.
        readers = [Reader(server) for _ in range(60)]
        assert _asked(server, "/v1/stream")[0] == 503
        assert server.get("/readyz")[0] == 200
        early = readers[0].last
        publish(kafka, prices(0, 100))
        for one in readers:
            one.until(lambda one=one: len(one.got) == 100)
            one.close()
        until(lambda: server.metric("carbon_data_api_stream_clients") == 0, "all are gone")
        status, body = _asked(server, f"/v1/stream?last_event_id={early}")
        assert status == 422
        assert "100 messages came since" in json.loads(body)["detail"]
