"""A client that is sent the past while bursts come: it gets all of it once, and is not cut off for them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
from confluent_kafka import Message

from workloads.data_api.stream import broadcast
from workloads.data_api.stream.broadcast import Broadcast
from workloads.data_api.stream.client import Wanted
from workloads.data_api.stream.events import KINDS
from workloads.data_api.stream.places import Place
from workloads.data_api.stream.settings import StreamSettings
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.topics import COMMODITY_PRICES
from workloads.kit.records import Record

KEY: Final = (COMMODITY_PRICES, 0)
START: Final = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE, BURST, BURSTS = 100, 1_000, 4


def price(number: int) -> Price:
    return Price(
        source="s",
        market="power",
        symbol="DE-LU",
        product="day-ahead",
        delivery_start=START,
        delivery_end=START + timedelta(hours=1),
        resolution="PT1H",
        published_at=START,
        provenance="market",
        price=float(number),
        currency="EUR",
        unit="MWh",
    )


class Arrived:
    """A message of the topic, as much of one as is looked at."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._raw = msgspec.json.encode(price(number))

    def topic(self) -> str:
        return COMMODITY_PRICES

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._number

    def key(self) -> bytes:
        return b"DE-LU"

    def value(self) -> bytes:
        return self._raw

    def timestamp(self) -> tuple[int, int]:
        return 1, 0


class Topic:
    """Stands where the follower does and where the past is read: each reading of it meets one more burst."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.end = BEFORE
        self._bursts = BURSTS
        self._arrived: Callable[[list[Message]], None] = lambda messages: None
        monkeypatch.setattr(broadcast, "Follower", self._follow)
        monkeypatch.setattr(broadcast, "read_ranges", self._read)

    def close(self) -> None:
        """There is no thread."""

    def _follow(
        self,
        settings: StreamSettings,
        topics: tuple[str, ...],
        begun: Callable[[Place], None],
        arrived: Callable[[list[Message]], None],
    ) -> Topic:
        begun({(topic, 0): self.end if topic == COMMODITY_PRICES else 0 for topic in KINDS})
        self._arrived = arrived
        return self

    def _read(
        self,
        settings: StreamSettings,
        topic: str,
        ranges: Mapping[int, tuple[int, int]],
        decode: Callable[[bytes], Any],
        stop: Callable[[], bool],
    ) -> Iterator[list[Record[Price]]]:
        if self._bursts:
            self._bursts -= 1
            numbers = range(self.end, self.end + BURST)
            self.end = numbers.stop
            messages: list[Any] = [Arrived(number) for number in numbers]
            self._arrived(messages)
        yield [
            Record(topic, 0, offset, b"DE-LU", price(offset), b"", 0)
            for begin, end in ranges.values()
            for offset in range(begin, end)
        ]


def test_who_comes_back_amid_bursts_is_sent_each_price_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Topic(monkeypatch)
    settings = StreamSettings(kafka_bootstrap="localhost:1", stream_buffer_bytes=8_192)
    counted: list[int] = []
    told = threading.Event()

    def ended(events: int, size: int) -> None:
        counted.append(events)
        told.set()

    wanted = Wanted(None, frozenset({"price"}), lambda market, at: True, ended)
    ours, theirs = socket.socketpair()
    ours.settimeout(30)
    served = Broadcast(settings)
    try:
        place: Place = {(name, 0): 0 for name in KINDS}
        served.take(theirs, wanted, place, "request")
        lines, got = ours.makefile("rb"), list[float]()
        while len(got) < BEFORE + BURST * BURSTS and (line := lines.readline()):
            if line.startswith(b"data: "):
                got.append(json.loads(line.removeprefix(b"data: "))["price"])
        assert got == list(map(float, range(BEFORE + BURST * BURSTS)))
        ours.shutdown(socket.SHUT_RDWR)
        lines.close()
        assert told.wait(10)
        assert counted == [len(got)]
    finally:
        ours.close()
        served.close()
