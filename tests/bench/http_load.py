"""A load of HTTP requests over kept connections: a bounded count, loopback only, one thread.

Requests are bytes made beforehand and answers are only measured, so that the client takes a small share of
the cores that the servers need.
"""

from __future__ import annotations

import math
import re
import selectors
import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from tests.bench.measure import percentile

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TIMEOUT = 30.0


class Load(msgspec.Struct, frozen=True):
    """What a load met. Percentiles are in ms, from a request's sending to its answer's last byte; `rate` is
    answers a second; `refused` is the share that was answered 503 and is in none of the others."""

    refused: float
    rate: float
    p50: float
    p95: float
    p99: float


def request(url: str, body: bytes | None = None, *, key: str | None = None) -> bytes:
    """A request as it goes over the wire: POST of JSON, or GET without a body; `key` is of data-api."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    if key is not None:
        head += f"Authorization: Bearer {key}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


def load(
    url: str, requests: Sequence[bytes], *, connections: int, count: int, seconds: float = math.inf
) -> Load:
    """Send `requests` in turn until `count` were answered or `seconds` are over, over `connections` that each
    wait for an answer before they send again.

    Raises:
        RuntimeError: an answer was neither 200 nor 503, most were 503, or none came in time.
    """
    refused = 0
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        opened = [Connection(url) for _ in range(connections)]
        try:
            for one in opened:
                selector.register(one.socket, selectors.EVENT_READ, one)
            started = time.perf_counter()
            sent = 0
            for one in opened:
                one.send(requests[sent % len(requests)])
                sent += 1
            while len(latencies) < count and time.perf_counter() < started + seconds:
                ready = selector.select(_TIMEOUT)
                if not ready:
                    raise RuntimeError(f"no answer from {url} for {_TIMEOUT:g} s")
                for key, _ in ready:
                    one: Connection = key.data
                    if not one.receive():
                        continue
                    if one.refused:
                        refused += 1
                    else:
                        latencies.append(one.latency)
                    if sent - refused < count:
                        one.send(requests[sent % len(requests)])
                        sent += 1
                    if refused > count:
                        raise RuntimeError(f"{url} answered {refused} of {sent} requests with 503")
            taken = time.perf_counter() - started
        finally:
            for one in opened:
                one.socket.close()
    if not latencies:
        raise RuntimeError(f"{url} answered nothing within {seconds:g} s")
    latencies.sort()
    p50, p95, p99 = (1000 * percentile(latencies, share) for share in (0.5, 0.95, 0.99))
    return Load(refused / sent, len(latencies) / taken, p50, p95, p99)


class Connection:
    """One that is kept, with one request at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname == "127.0.0.1", "loads go to this machine only"
        self.socket = socket.create_connection((parts.hostname, parts.port or 80), timeout=_TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._url = url
        self._buffer = b""
        self._sent_at = 0.0
        self.latency = 0.0
        self.refused = False

    def send(self, content: bytes) -> None:
        """Send a request; its time begins."""
        self._buffer = b""
        self._sent_at = time.perf_counter()
        self.socket.sendall(content)

    def receive(self) -> bool:
        """Whether the answer is whole."""
        part = self.socket.recv(65536)
        if not part:
            raise RuntimeError(f"{self._url} closed the connection")
        self._buffer += part
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        length = _LENGTH.search(head)
        if length is None:
            raise RuntimeError(f"{self._url} answered without a length")
        if len(body) < int(length[1]):
            return False
        self.latency = time.perf_counter() - self._sent_at
        self.refused = head.startswith(b"HTTP/1.1 503 ")
        if not self.refused and not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{self._url} answered {head.splitlines()[0]!r}: {body[:200]!r}")
        return True
