"""Corrections: what analytics-consumer's work on a price costs when some of the prices are corrections.

Decoded prices to three tables and messages, one process, on a database of its own with history in it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import msgspec

from tests.bench.measure import in_turn, sample
from tests.bench.prices import prices
from tests.bench.report import Figure, Other, times_at_most
from tests.bench.rig import Rig
from tools.console import Step
from workloads.analytics_consumer.handler import AnalyticsHandler, save_to
from workloads.analytics_consumer.settings import AnalyticsSettings
from workloads.kit.codec import encode
from workloads.kit.contracts.messages import Price
from workloads.kit.db import Database
from workloads.kit.records import Record

_BATCH = AnalyticsSettings.model_fields["batch_max_records"].default
_ROLE = "analytics_consumer"
_RESTATED = 24
"""Neighbouring sessions that become known together, as the hours of a restated day do."""

Mix = Callable[[Sequence[Price], Sequence[Price]], list[Price]]
"""History and as many new prices → what is sent."""


def run(rig: Rig, step: Step) -> list[Figure]:
    count = rig.sized(30_000, 2_400)
    step.detail(f"{count} prices")
    everything = list(prices(2 * count))
    history, new = everything[:count], everything[count:]
    mixes: dict[str, Mix] = {
        "none": lambda _, new: list(new),
        "1 %, one by one": lambda old, new: _scattered(old, new, 0.01),
        "10 %, one by one": lambda old, new: _scattered(old, new, 0.1),
        f"10 %, {_RESTATED} sessions together": _restated,
    }
    results = in_turn(
        {name: lambda mix=mix: _seconds(rig, history, mix(history, new)) for name, mix in mixes.items()},
        rig.repetitions,
        step,
    )
    cost = {name: sample(found, lambda one: one * 1e6 / count) for name, found in results.items()}
    alone = Other("no corrections", "peer", cost["none"])
    return [
        Figure(
            name=f"to tables, corrections: {name}",
            unit="µs a price",
            ours=cost[name],
            others=[] if name == "none" else [alone],
            aims=[] if name == "none" else [times_at_most(cost[name], alone, 2)],
        )
        for name in mixes
    ]


def _scattered(history: Sequence[Price], new: Sequence[Price], share: float) -> list[Price]:
    """New prices with corrections of any of the history between them, each known at an instant of its own."""
    chance = random.Random(1)
    count = int(len(new) * share)
    sent = list(new[: len(new) - count])
    newest = new[-1].published_at
    for n in range(count):
        corrected = _correction(chance.choice(history), newest + timedelta(seconds=n + 1), chance)
        sent.insert(chance.randrange(len(sent) + 1), corrected)
    return sent


def _restated(history: Sequence[Price], new: Sequence[Price]) -> list[Price]:
    """New prices with whole days of the history restated between them."""
    chance = random.Random(1)
    by_symbol: dict[str, list[Price]] = {}
    for price in history:
        by_symbol.setdefault(price.symbol, []).append(price)
    days = int(len(new) * 0.1) // _RESTATED
    parts: list[list[Price]] = [[one] for one in new[: len(new) - days * _RESTATED]]
    newest = new[-1].published_at
    for n in range(days):
        series = chance.choice(list(by_symbol.values()))
        at = chance.randrange(len(series) - _RESTATED)
        known = newest + timedelta(seconds=n + 1)
        day = [_correction(one, known, chance) for one in series[at : at + _RESTATED]]
        parts.insert(chance.randrange(len(parts) + 1), day)
    return list(chain.from_iterable(parts))


def _correction(of: Price, known: datetime, chance: random.Random) -> Price:
    return msgspec.structs.replace(
        of, price=of.price * chance.uniform(0.99, 1.01), published_at=known, correction=True
    )


def _seconds(rig: Rig, history: Sequence[Price], sent: Sequence[Price]) -> float:
    own = rig.database.clone()
    try:
        with Database(own.settings(_ROLE), application_name="bench") as database:
            handler = AnalyticsHandler(save_to(database))
            handler.restore(_records(history, 0))
            handler.committed([0])
            backlog = _records(sent, len(history))
            started = time.perf_counter()
            for at in range(0, len(backlog), _BATCH):
                handler.process(backlog[at : at + _BATCH])
                handler.committed([0])
            return time.perf_counter() - started
    finally:
        own.drop()


def _records(sent: Sequence[Price], offset: int) -> list[Record[Any]]:
    return [
        Record("bench", 0, offset + n, price.symbol.encode(), price, encode(price), 0)
        for n, price in enumerate(sent)
    ]
