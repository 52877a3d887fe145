"""Consumer throughput, Kafka to Kafka: decode a price, write it on, commit; a backlog read by one process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Producer

from tests.bench import contenders
from tests.bench.measure import Failure, in_turn, sample, shares
from tests.bench.prices import prices
from tests.bench.report import Figure, Other, times_at_least
from tests.bench.rig import Rig, new_topic
from tests.services.clients import KafkaClient
from tools.console import Step
from workloads.kit import kafka
from workloads.kit.codec import encode
from workloads.kit.settings import KafkaConsumerSettings

_BATCH = KafkaConsumerSettings.model_fields["batch_max_records"].default
_LARGE_BATCH = 10_000
"""A commit costs the same whatever is in it: what is left of its cost when it is shared by many."""
_count = itertools.count()


def run(rig: Rig, step: Step) -> list[Figure]:
    count = rig.sized(100_000, 6_000)
    step.detail(f"{count} prices")
    source, target = new_topic(rig.kafka, "in"), new_topic(rig.kafka, "out")
    fill(rig, source, count)
    shared = {"bootstrap": rig.kafka.bootstrap, "input": source, "output": target, "count": count}
    return [_figure(rig, step, {**shared, "batch": batch}) for batch in (_BATCH, _LARGE_BATCH)]


def _figure(rig: Rig, step: Step, shared: Mapping[str, Any]) -> Figure:
    results = in_turn(
        {
            "ours": contender("ours/consumer", shared),
            "raw": contender("peers/raw_loop", {**shared, **raw_settings(rig.kafka, transactional=True)}),
            "ceiling": contender(
                "peers/raw_loop", {**shared, **raw_settings(rig.kafka, transactional=False)}
            ),
            "quix": _quixstreams(rig, shared, "exactly-once"),
            "quix json": _quixstreams(rig, shared, "exactly-once", own_json=True),
            "quix once": _quixstreams(rig, shared, "at-least-once"),
        },
        rig.repetitions,
        step,
        warm_ups=1,
    )
    count = shared["count"]
    rate = {name: sample(found, lambda r: count / r["seconds"]) for name, found in results.items()}
    ours = rate["ours"]
    quixstreams = Other("quixstreams, exactly once", "peer", rate["quix"])
    raw = Other("raw loop, transactions", "limit", rate["raw"])
    return Figure(
        name=f"Kafka to Kafka, a transaction for {shared['batch']:,} messages",
        unit="messages/s",
        ours=ours,
        others=[
            quixstreams,
            Other("quixstreams, its own JSON", "peer", rate["quix json"]),
            Other("quixstreams, at least once", "peer", rate["quix once"]),
            raw,
            Other("raw loop, at least once", "limit", rate["ceiling"]),
        ],
        aims=[times_at_least(ours, raw, 0.8), times_at_least(ours, quixstreams, 3)],
        note=split_of(results["ours"]),
    )


def fill(rig: Rig, topic: str, count: int) -> None:
    """Write `count` prices, keyed by symbol."""
    producer = Producer({**kafka.writing(rig.kafka.settings), "queue.buffering.max.messages": count})
    for price in prices(count):
        producer.produce(topic, encode(price), price.symbol)
    if left := producer.flush(120):
        raise RuntimeError(f"{left} prices were not delivered")


def raw_settings(client: KafkaClient, *, transactional: bool) -> dict[str, Any]:
    """The raw loop's, with the platform's client options."""
    settings = client.settings
    return {
        "transactional": transactional,
        "reading": _plain(kafka.reading(settings)),
        "writing": _plain(kafka.writing(settings)),
    }


def contender(script: str, settings: Mapping[str, Any], **options: Any) -> Callable[[], dict[str, Any]]:
    """A run of a script in a new consumer group."""
    return lambda: contenders.run(script, {"group": f"bench-{next(_count)}", **settings}, **options)


def _quixstreams(
    rig: Rig, shared: Mapping[str, Any], guarantee: str, *, own_json: bool = False
) -> Callable[[], dict[str, Any]]:
    own = {
        "own_json": own_json,
        "guarantee": guarantee,
        "reading": {"fetch.wait.max.ms": 100},
        "writing": {"compression.type": "lz4", "linger.ms": 5, "partitioner": "murmur2_random"},
        "state": str(rig.directory / "quixstreams"),
    }
    return lambda: contender(
        "peers/quixstreams_loop", {**shared, **own}, python=contenders.environment("quixstreams")
    )()


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """What can be handed to another process."""
    return {name: value for name, value in config.items() if isinstance(value, str | int | float | bool)}


def split_of(results: list[dict[str, Any]] | Failure) -> str:
    """Where the time of our runs went."""
    if isinstance(results, Failure):
        return ""
    whole = sum(result["seconds"] for result in results)
    names = {name for result in results for name in result["split"]}
    return shares({name: sum(r["split"].get(name, 0.0) for r in results) for name in names}, whole)
