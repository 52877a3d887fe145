"""A paced load of synthetic prices, for trying the platform under faults.

Every price is delivered once: the producer is idempotent, waits for all in-sync replicas and tries on for as
long as brokers are away. What was acknowledged is counted, so that a test knows what must have arrived.
"""

from __future__ import annotations

import math
import random
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from confluent_kafka import KafkaError, Message, Producer

from workloads.kit import codec, kafka
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import INSTANT, Price
from workloads.kit.settings import KafkaSettings

_log = structlog.get_logger(__name__)

_MOST_UNACKNOWLEDGED = 50_000
"""Below librdkafka's limit, so that it takes every message at once."""

_PROGRESS_SECONDS = 1.0
"""Between two lines that say how far it is, for whoever watches or makes faults meanwhile."""

_LEVEL, _REVERSION, _VOLATILITY = 100.0, 0.1, 0.02


@dataclass(slots=True)
class Series:
    """What was acknowledged of one symbol."""

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, event_time: datetime) -> None:
        self.count += 1
        self.first = min(self.first or event_time, event_time)
        self.last = max(self.last or event_time, event_time)


@dataclass(slots=True)
class Result:
    """What a load came to."""

    source: str
    requested: int
    sent: int = 0
    seconds: float = 0.0
    failed: str | None = None
    stopped: bool = False
    """Asked to end before all was sent."""
    series: dict[str, Series] = field(default_factory=dict)

    @property
    def acknowledged(self) -> int:
        return sum(series.count for series in self.series.values())

    @property
    def complete(self) -> bool:
        """Whether all that was asked for was acknowledged; of a load that was stopped, all that was sent."""
        return self.acknowledged == (self.sent if self.stopped else self.requested)

    def summary(self) -> dict[str, Any]:
        """The result as JSON values; times as on the topic."""
        return {
            "source": self.source,
            "requested": self.requested,
            "sent": self.sent,
            "acknowledged": self.acknowledged,
            "seconds": round(self.seconds, 3),
            "failed": self.failed,
            "stopped": self.stopped,
            "symbols": {
                symbol: {
                    "count": series.count,
                    "first": series.first.isoformat() if series.first else None,
                    "last": series.last.isoformat() if series.last else None,
                }
                for symbol, series in self.series.items()
            },
        }


class Load:
    """Sends `count` prices, spread over `symbols` in turn, `rate` a second (0: as fast as they are taken).

    A price is of the instant it is sent, later for each price of a symbol. Two loads at a time need
    different `source`s. SIGTERM and SIGINT stop the sending; what was sent is still delivered, unless
    `deadline` seconds after the start have passed.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        source: str,
        symbols: Sequence[str],
        count: int,
        rate: float,
        deadline: float,
    ) -> None:
        self._symbols = symbols
        self._count = count
        self._rate = rate
        self._deadline = deadline
        self._stop = threading.Event()
        self._said_at = 0.0
        self._result = Result(source, count, series={symbol: Series() for symbol in symbols})
        # 0: a message is never given up while the process lives, so none is ever sent anew as another.
        self._producer = Producer(
            {**kafka.writing(settings), "message.timeout.ms": 0, "error_cb": self._error}
        )

    def run(self) -> Result:
        """Send, wait for the acknowledgements, and say what came of it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        started = time.monotonic()
        ends = started + self._deadline
        newest = dict.fromkeys(self._symbols, datetime.min.replace(tzinfo=UTC))
        prices = dict.fromkeys(self._symbols, _LEVEL)
        chance = random.Random(0)  # noqa: S311  (prices, not secrets)
        while self._result.sent < self._count and not self._over(ends):
            self._say_progress()
            if len(self._producer) >= _MOST_UNACKNOWLEDGED:
                self._producer.poll(0.1)
                continue
            due = started + self._result.sent / self._rate if self._rate else 0.0
            if (wait := due - time.monotonic()) > 0:
                self._producer.poll(min(wait, 0.1))
                continue
            symbol = self._symbols[self._result.sent % len(self._symbols)]
            newest[symbol] = max(datetime.now(UTC), newest[symbol] + timedelta(microseconds=1))
            drift = -_REVERSION * math.log(prices[symbol] / _LEVEL)
            prices[symbol] *= math.exp(drift + _VOLATILITY * chance.gauss(0, 1))
            self._send(symbol, newest[symbol], round(prices[symbol], 4))
        self._result.stopped = self._stop.is_set()
        while len(self._producer) and not self._result.failed and time.monotonic() < ends:
            self._say_progress()
            self._producer.flush(0.5)
        if len(self._producer) and not self._result.failed:
            self._result.failed = f"{len(self._producer)} messages were not acknowledged before the deadline"
        self._result.seconds = time.monotonic() - started
        return self._result

    def _say_progress(self) -> None:
        if (now := time.monotonic()) - self._said_at > _PROGRESS_SECONDS:
            self._said_at = now
            _log.info("progress", sent=self._result.sent, acknowledged=self._result.acknowledged)

    def _over(self, ends: float) -> bool:
        return self._stop.is_set() or self._result.failed is not None or time.monotonic() > ends

    def _send(self, symbol: str, event_time: datetime, price: float) -> None:
        message = Price(
            source=self._result.source,
            market="load",
            symbol=symbol,
            product="spot",
            delivery_start=event_time,
            delivery_end=event_time,
            resolution=INSTANT,
            published_at=event_time,
            price=price,
            currency="EUR",
            unit="MWh",
            provenance="synthetic",
        )

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is None:
                self._result.series[symbol].add(event_time)
            elif self._result.failed is None:
                self._result.failed = f"a message was not delivered: {error}"

        self._producer.produce(topics.COMMODITY_PRICES, codec.encode(message), symbol, on_delivery=delivered)
        self._result.sent += 1
        self._producer.poll(0)

    def _error(self, error: KafkaError) -> None:
        if error.fatal():
            self._result.failed = f"the producer cannot go on: {error}"
        else:
            _log.warning("kafka", error=str(error))
