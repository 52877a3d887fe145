"""Restart: how soon analytics-consumer, given all partitions alone, is ready, and with what memory.

Each symbol has 400 days of hourly prices behind it: what is kept of them is made as the consumer keeps it.
The topic ends with what came since, as much as may come before a state is kept again, and that is read after
it. The peer has no state and reads the same topic from its start. Of 12 symbols the 400 days are in it; of
more (96 million messages for 10,000 symbols) as many as there is time for, and what all of them would take is
counted from the messages a second.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.bench.consumer import contender
from tests.bench.measure import Failure, in_turn, sample
from tests.bench.report import Figure, Other, at_most
from tests.bench.rig import Rig, new_topic
from tests.services.clients import MigratedDatabase
from tools.console import Step
from workloads.analytics_consumer.figures import INDICATORS_SIZE
from workloads.kit import kafka, log_reader
from workloads.kit.codec import decoder, encode
from workloads.kit.contracts.messages import Price
from workloads.kit.db import Database
from workloads.kit.revisions import REVISION, Revisions, micros
from workloads.kit.series import HISTORY
from workloads.kit.series_states import Pace, SeriesStates
from workloads.kit.series_store import SeriesKey, SeriesStore
from workloads.kit.settings import StateSettings

_ROLE = "analytics_consumer"
_HOURS = 400 * 24
_START = datetime(2025, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_PARTITIONS = 6
_ORIGIN = ("bench", "power", "synthetic")
_EVERY = StateSettings.model_fields["state_records"].default


class _Stack(NamedTuple):
    """A topic, a group that has read it to its end, and a database with the group's states."""

    topic: str
    group: str
    database: MigratedDatabase
    kept: float
    """Seconds that all states took to be kept."""


def run(rig: Rig, step: Step) -> list[Figure]:
    return [
        figure
        for symbols in ([12, 100] if rig.quick else [12, 1_000, 10_000])
        for figure in _figures(rig, step, symbols)
    ]


def _figures(rig: Rig, step: Step, symbols: int) -> list[Figure]:
    # With few symbols an hour brings few: the state is then kept by the hour.
    since = rig.sized(min(_EVERY * _PARTITIONS, symbols * 60), symbols * 3)
    whole = symbols * _HOURS
    there = max(min(whole, rig.sized(600_000, 6_000)), symbols + since)
    step.detail(f"{symbols} symbols, {there} messages")
    stack = _prepare(rig, symbols, there - since, since)
    try:
        given: dict[str, Any] = {
            "bootstrap": rig.kafka.bootstrap,
            "input": stack.topic,
            "group": stack.group,
            "database": stack.database.settings(_ROLE).model_dump(mode="json", exclude_none=True),
        }
        found = in_turn(
            {
                "state": contender("ours/restored", {**given, "states": True}),
                "topic": contender("ours/restored", {**given, "states": False}),
            },
            rig.repetitions,
            step,
        )
    finally:
        stack.database.drop()
    seconds = {name: sample(results, lambda one: one["seconds"]) for name, results in found.items()}
    memory = sample(found["state"], lambda one: one["mebibytes"])
    counted = sample(found["topic"], lambda one: one["seconds"] * whole / one["read"])
    return [
        Figure(
            name=f"ready with {symbols:,} symbols",
            unit="s",
            ours=seconds["state"],
            others=[
                Other(f"no state, {there:,} messages", "peer", seconds["topic"]),
                *([Other(f"no state, {whole:,}, counted", "peer", counted)] if there < whole else []),
            ],
            aims=[at_most(seconds["state"], 30)],
            note=_note(found["state"], stack),
        ),
        Figure(
            name=f"memory with {symbols:,} symbols",
            unit="MiB",
            ours=memory,
            others=[],
            aims=[at_most(memory, 1024)],
        ),
    ]


def _note(found: Sequence[Mapping[str, Any]] | Failure, stack: _Stack) -> str:
    if isinstance(found, Failure):
        return ""
    return f"{found[0]['read']:,.0f} messages read since; all states kept in {stack.kept:.2f} s"


def _prepare(rig: Rig, symbols: int, before: int, since: int) -> _Stack:
    group, topic = f"bench-{secrets.token_hex(3)}", new_topic(rig.kafka, "restore")
    names = [f"SYN-N-{number:05}" for number in range(symbols)]
    _send(rig, topic, names, range(before))
    ends = _ends(rig, topic)
    places = {
        record.value.symbol: record.partition
        for record in log_reader.read_committed_to_end(rig.kafka.settings, topic, decoder(Price))
    }
    _send(rig, topic, names, range(before, before + since))
    reader = Consumer({**kafka.reading(rig.kafka.settings), "group.id": group})
    reader.commit(
        offsets=[TopicPartition(topic, at, end) for at, end in _ends(rig, topic).items()], asynchronous=False
    )
    reader.close()
    database = rig.database.clone()
    kept = _keep(database, group, names, places, ends)
    return _Stack(topic, group, database, kept)


def _send(rig: Rig, topic: str, symbols: Sequence[str], numbers: range) -> None:
    producer = Producer({**kafka.writing(rig.kafka.settings), "queue.buffering.max.messages": len(numbers)})
    for number in numbers:
        hour, at = divmod(number, len(symbols))
        producer.produce(topic, encode(_price(symbols[at], _HOURS + hour)), symbols[at])
    if left := producer.flush(120):
        raise RuntimeError(f"{left} prices were not delivered")


def _keep(
    database: MigratedDatabase,
    group: str,
    symbols: Sequence[str],
    places: Mapping[str, int],
    ends: Mapping[int, int],
) -> float:
    store = SeriesStore(margin=INDICATORS_SIZE, history=HISTORY)
    for number, symbol in enumerate(symbols):
        key = SeriesKey.of(_price(symbol, 0))
        store.give(places[symbol], key, _sessions(number, len(symbols)), [_ORIGIN])
    for partition, end in ends.items():
        store.resume(partition, end)
    with Database(database.settings(_ROLE), application_name="bench") as connection:
        states = SeriesStates(connection, group, store, Pace(records=1, seconds=10**9, share=0))
        started = time.perf_counter()
        for _ in ends:
            states.keep([partition for partition, end in ends.items() if end])
        return time.perf_counter() - started


def _sessions(seed: int, stride: int) -> Revisions:
    """The last of 400 days that are kept; each hour was known a day before, and came with all others."""
    hours = np.arange(_HOURS - HISTORY - INDICATORS_SIZE, _HOURS)
    sessions: Revisions = np.zeros(len(hours), REVISION)
    sessions["event"] = micros(_START) + hours * 3_600_000_000
    sessions["available"] = sessions["known"] = sessions["event"] - 86_400_000_000
    sessions["offset"] = hours * stride
    sessions["price"] = 60 + np.random.default_rng(seed).normal(0, 20, len(hours))
    return sessions


def _price(symbol: str, hour: int) -> Price:
    at = _START + hour * _HOUR
    return Price(
        source=_ORIGIN[0],
        market=_ORIGIN[1],
        symbol=symbol,
        product="day-ahead",
        delivery_start=at,
        delivery_end=at + _HOUR,
        resolution="PT1H",
        published_at=at - timedelta(days=1),
        price=60.0 + hour % 24,
        currency="EUR",
        unit="MWh",
        provenance="synthetic",
    )


def _ends(rig: Rig, topic: str) -> dict[int, int]:
    reader = Consumer({**kafka.reading(rig.kafka.settings), "group.id": "unused"})
    try:
        return {at: end for at, (_, end) in log_reader.bounds(reader, rig.kafka.settings, topic).items()}
    finally:
        reader.close()
