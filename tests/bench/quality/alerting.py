"""How long after a price that no market can have its alert is at a reader of committed messages.

Three replicas as they are deployed, on three brokers and PostgreSQL: an alert is a row before a message.
Impossible prices come at a steady rate between right ones, of as many series as there are markets.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Final

from confluent_kafka import Consumer, Producer

from tests.bench.measure import Sample, percentile
from tests.bench.report import Figure, at_most
from tests.bench.rig import Rig
from tests.services.consumers import running
from tests.services.servers import until
from tools.console import Step
from workloads.data_quality.markets import SDAC
from workloads.kit.codec import decoder, encode
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.quality import QualityAlert

_AIM_MS: Final = 1_000.0
_EVERY: Final = 0.1
_RIGHT: Final = 9
"""Right prices to each that is impossible: together 100 a second, more than all markets of the table have."""
_REPLICAS: Final = 3
_SERIES: Final = 50
"""With impossible prices; more than the topic has partitions."""
_PATIENCE: Final = 60.0

_Key = tuple[str, datetime]
"""Series and start of the period."""


def latency(rig: Rig, step: Step) -> Figure:
    """p95 over the alerts of half a minute."""
    count = rig.sized(300, 30)
    sent: dict[_Key, float] = {}
    arrived: dict[_Key, float] = {}
    with (
        running(
            *("workloads.data_quality", rig.kafka, rig.database, rig.new_directory("alerting")),
            replicas=_REPLICAS,
        ) as group,
        _reading(rig.kafka.bootstrap, arrived),
    ):
        producer = Producer({"bootstrap.servers": rig.kafka.bootstrap, "linger.ms": 0})
        run = secrets.token_hex(3)
        step.detail("waiting for data-quality")
        group.finish()
        until(lambda: all(replica.ready() for replica in group.replicas), "its replicas are ready", _PATIENCE)
        # Of each series one: then the group has formed, and every replica has worked.
        warm = {_send(producer, f"{run}-{number}", 0, SDAC.high * 2) for number in range(_SERIES)}
        producer.flush(30)
        _wait(arrived, warm)
        step.detail("impossible prices")
        began = time.monotonic()
        for number in range(1, count + 1):
            time.sleep(max(0.0, began + number * _EVERY - time.monotonic()))
            for right in range(_RIGHT):
                _send(producer, f"{run}-right-{right}", number, SDAC.high / 100 + right)
            at = time.monotonic()
            sent[_send(producer, f"{run}-{number % _SERIES}", number, SDAC.high * 2)] = at
            producer.poll(0)
        producer.flush(30)
        _wait(arrived, sent.keys())
    spent = sorted(1000 * (arrived[key] - at) for key, at in sent.items())
    rate = (1 + _RIGHT) / _EVERY
    p95 = Sample.of([percentile(spent, 0.95)])
    return Figure(
        name=f"price to alert, p95 of {len(spent)}",
        unit="ms",
        ours=p95,
        others=[],
        aims=[at_most(p95, _AIM_MS)],
        note=f"median {percentile(spent, 0.5):.0f} ms, most {spent[-1]:.0f} ms; {rate:.0f} prices a second",
    )


def _wait(arrived: Mapping[_Key, float], wanted: Set[_Key]) -> None:
    until(lambda: wanted <= arrived.keys(), f"{len(wanted)} alerts", _PATIENCE)


def _send(producer: Producer, symbol: str, number: int, price: float) -> _Key:
    start = datetime(2026, 1, 1, tzinfo=UTC) + number * timedelta(hours=1)
    message = Price(
        source="bench",
        market="DE-LU",
        symbol=symbol,
        product="day-ahead",
        delivery_start=start,
        delivery_end=start + timedelta(hours=1),
        resolution="PT1H",
        published_at=start - timedelta(hours=11),
        price=price,
        currency="EUR",
        unit="MWh",
        provenance="market",
    )
    producer.produce(message.topic, encode(message), message.message_key)
    return symbol, start


@contextmanager
def _reading(bootstrap: str, arrived: dict[_Key, float]) -> Iterator[None]:
    """While it is open, notes when each impossible price's alert came, by its series."""
    over, assigned = Event(), Event()
    decode = decoder(QualityAlert)
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bench-{secrets.token_hex(3)}",
            "isolation.level": "read_committed",
            "auto.offset.reset": "latest",
            "fetch.wait.max.ms": 5,
        }
    )

    def read() -> None:
        while not over.is_set():
            message = reader.poll(0.1)
            value = None if message is None or message.error() else message.value()
            if value is None:
                continue
            alert = decode(value)
            if alert.rule == "range":
                arrived.setdefault((alert.series, alert.period_start), time.monotonic())

    reader.subscribe([topics.QUALITY_ALERTS], on_assign=lambda *_: assigned.set())
    thread = Thread(target=read, daemon=True)
    thread.start()
    try:
        if not assigned.wait(_PATIENCE):
            raise RuntimeError("the reader of alerts got no partition")
        yield
    finally:
        over.set()
        thread.join()
        reader.close()
