"""/v1/stream to 1,000 clients of one worker, at a steady 1,000 prices a second: from a price's sending to its
event's arrival at a client that asked for its symbol.

A price's `delivery_start` is the instant at which it was sent. Each client follows one symbol, and several
follow the same, so that an event is sent several times. Beside it a bare consumer that reads the topic: what
the brokers and the load take by themselves.
"""

from __future__ import annotations

import os
import re
import secrets
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import msgspec

from tests.bench.chain import http_server
from tests.bench.latency import reading
from tests.bench.measure import in_turn, percentile, sample
from tests.bench.report import Figure, Other, at_least, at_most
from tests.bench.rig import Rig
from tests.services.access import add_key, entitle
from tests.services.servers import free_ports, until
from tools import paths
from tools.console import Step
from workloads.kit.contracts import env, topics
from workloads.kit.contracts.declared.data_api import DATA_API

_RATE: Final = 1_000
_CLIENTS: Final = 1_000
_SYMBOLS: Final = 200
_LATE: Final = 1.2
"""How much longer than at its rate a load may take and still count as one of that rate."""
_PATIENCE: Final = 30.0
"""Seconds that events may take to arrive after the last price; what comes later is lost."""
_START: Final = 2.0
"""Seconds in which a load comes to its rate: what is sent then arrives, and is no figure."""
_SENT: Final = re.compile(rb'"delivery_start":"([^"]+)"')
_LIMIT: Final = "bare consumer"


class Met(msgspec.Struct, frozen=True):
    """Milliseconds from sending to arrival, and the share of events that arrived."""

    p50: float
    p95: float
    p99: float
    arrived: float


def run(rig: Rig, step: Step) -> list[Figure]:
    clients, count = rig.sized(_CLIENTS, 50), rig.sized(20, 5) * _RATE
    database = rig.database.clone()
    try:
        entitle(database, bench={"requests_per_minute": 1_000_000})
        key = add_key(database, "bench")
        (port,) = free_ports(1)
        directory = rig.new_directory("stream")
        given = {
            **database.env(DATA_API.role or ""),
            "PORT": str(port),
            "WORKERS": "1",
            "METRICS_DIR": str(directory / "metrics"),
            env.KAFKA_BOOTSTRAP: rig.kafka.bootstrap,
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "workloads.data_api"]
        with http_server(command, directory / "data-api.log", given, port, "/readyz"):
            until(lambda: _streams(port, key), "the stream is there", 120, every=0.5)
            found = in_turn(
                {
                    "ours": lambda: _streamed(rig, port, key, clients, count, step),
                    "bare": lambda: _read(rig, count),
                },
                rig.sized(3, 1),
                step,
            )
    finally:
        database.drop()
    figures: list[Figure] = []
    for name in ("p50", "p95", "p99"):
        mine, bare = (sample(found[who], lambda one, n=name: getattr(one, n)) for who in ("ours", "bare"))
        figures.append(
            Figure(
                name=f"event to {clients:,} clients, {name} at {_RATE:,} messages/s",
                unit="ms",
                ours=mine,
                others=[Other(_LIMIT, "limit", bare)],
                aims=[at_most(mine, 250)] if name == "p95" else [],
                note=f"an event goes to {clients / _SYMBOLS:g} clients in the mean" if name == "p95" else "",
            )
        )
    arrived = sample(found["ours"], lambda one: 100 * one.arrived)
    figures.append(
        Figure(name="events that arrived", unit="%", ours=arrived, others=[], aims=[at_least(arrived, 100)])
    )
    return figures


def _streams(port: int, key: str) -> bool:
    try:
        _follow(port, key, "SYN-S0").close()
    except (RuntimeError, OSError):  # the worker has not found the topics yet
        return False
    return True


def _streamed(rig: Rig, port: int, key: str, clients: int, count: int, step: Step) -> Met:
    opened: list[socket.socket] = []
    try:
        with selectors.DefaultSelector() as selector:
            for number in range(clients):
                one = _follow(port, key, f"SYN-S{number % _SYMBOLS}")
                opened.append(one)
                selector.register(one, selectors.EVENT_READ, bytearray())
            step.detail(f"{clients:,} clients follow")
            with _load(rig, count) as load:
                return _arrived(selector, load, count * clients // _SYMBOLS, count)
    finally:
        for one in opened:
            one.close()


def _follow(port: int, key: str, symbol: str) -> socket.socket:
    """A client that follows a symbol, once it was told where it begins."""
    one = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    one.sendall(
        f"GET /v1/stream?symbols={symbol}&events=prices HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {key}\r\n\r\n".encode()
    )
    begun = b""
    while b"id: " not in begun:
        part = one.recv(4096)
        if not part or (not begun and not part.startswith(b"HTTP/1.1 200")):
            raise RuntimeError(f"the stream refused: {part[:300]!r}")
        begun += part
    return one


def _arrived(
    selector: selectors.BaseSelector, load: subprocess.Popen[bytes], expected: int, count: int
) -> Met:
    waits: list[tuple[float, float]] = []
    begun, ended = time.monotonic(), 0.0
    while len(waits) < expected and (not ended or time.monotonic() < ended + _PATIENCE):
        for key, _ in selector.select(0.5):
            one: socket.socket = key.fileobj  # type: ignore[assignment]
            part = one.recv(65536)
            now = time.time()
            if not part:
                raise RuntimeError("a client was cut off")
            held: bytearray = key.data
            held += part
            whole = held.rfind(b"\n\n")
            if whole < 0:
                continue
            waits += [_waited(now, found) for found in _SENT.findall(held, 0, whole)]
            del held[:whole]
        if not ended and load.poll() is not None:
            ended = time.monotonic()
    _at_rate(ended - begun if ended else 0.0, count)
    return _met(waits, expected)


def _read(rig: Rig, count: int) -> Met:
    """A bare consumer of the topic in the clients' place."""
    waits: list[tuple[float, float]] = []
    with reading(rig.kafka.bootstrap, topics.COMMODITY_PRICES) as reader, _load(rig, count) as load:
        begun, ended = time.monotonic(), 0.0
        while len(waits) < count and (not ended or time.monotonic() < ended + _PATIENCE):
            message = reader.poll(0.2)
            now = time.time()
            if message is not None and message.error() is None:
                found = _SENT.search(message.value() or b"")
                if found is not None:
                    waits.append(_waited(now, found[1]))
            if not ended and load.poll() is not None:
                ended = time.monotonic()
        _at_rate(ended - begun if ended else 0.0, count)
    return _met(waits, count)


def _at_rate(seconds: float, count: int) -> None:
    # Python and its client start within it.
    if seconds > _LATE * count / _RATE + 10:
        raise RuntimeError(f"the load of {count} took {seconds:.0f} s: that is not {_RATE} a second")


def _waited(now: float, sent: bytes) -> tuple[float, float]:
    """When it was sent, and how many milliseconds ago."""
    at = datetime.fromisoformat(sent.decode()).timestamp()
    return at, 1000 * (now - at)


def _met(waits: list[tuple[float, float]], expected: int) -> Met:
    begun = min((at for at, _ in waits), default=0.0) + _START
    counted = sorted(waited for at, waited in waits if at >= begun)
    if not counted:
        raise RuntimeError("nothing arrived after the load's start")
    p50, p95, p99 = (percentile(counted, share) for share in (0.5, 0.95, 0.99))
    return Met(p50, p95, p99, len(waits) / expected)


@contextmanager
def _load(rig: Rig, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """The platform's own paced load, of symbols in turn."""
    command = [sys.executable, "-m", "workloads.price_pipeline", "load"]
    command += ["--source", f"bench-{secrets.token_hex(4)}", "--count", str(count), "--rate", str(_RATE)]
    command += ["--symbols", ",".join(f"SYN-S{number}" for number in range(_SYMBOLS))]
    command += ["--deadline", str(count / _RATE + 2 * _PATIENCE)]
    process = subprocess.Popen(
        command,
        cwd=paths.ROOT,
        env={**os.environ, env.KAFKA_BOOTSTRAP: rig.kafka.bootstrap, env.PROVENANCE: "synthetic"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
