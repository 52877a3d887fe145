"""A fuzzed thousand on every topic that somebody consumes, against the real consumers and stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests import nasty
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, running
from tests.services.model import ModelServer
from tests.services.servers import until
from workloads.kit.contracts import tables, topics
from workloads.kit.contracts.customers import CustomerEvent
from workloads.kit.contracts.messages import Analytics, Prediction
from workloads.kit.contracts.platform import CLIENTS

SHARE = 0.05
GROUPS = {
    "analytics-consumer": (nasty.price, topics.COMMODITY_ANALYTICS, Analytics, "commodity_prices_daily"),
    "indicator-consumer": (nasty.indicator, None, None, "market_indicators"),
    "prediction-consumer": (nasty.price, topics.ML_PREDICTIONS, Prediction, "ml_predictions"),
}
ELSEWHERE = {"data-quality", "data-quality-indicators", "customer-consumer"}
"""The first two have no row a message, and test_data_quality fuzzes both; an event of a customer has none of
a price's fields, and test_customers sends what is bad of it."""
NOT_OURS = {"warehouse-connect"}
"""Kafka Connect, whose group reads what it wrote itself."""


@pytest.fixture(autouse=True)
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


@pytest.fixture
def model() -> Iterator[ModelServer]:
    server = ModelServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def publish(kafka: KafkaClient, topic: str, sent: Sequence[nasty.Sent]) -> None:
    kafka.produce(topic, [one.value for one in sent], keys=[one.key for one in sent])


def test_every_topic_with_a_consumer_is_fuzzed_here() -> None:
    groups = {name: use for name, use in CLIENTS.items() if use.group and name not in NOT_OURS}
    consumed = {topic for use in groups.values() for topic in use.reads}
    assert consumed == {topics.COMMODITY_PRICES, topics.MARKET_INDICATORS, CustomerEvent.topic}
    assert groups.keys() == set(GROUPS) | ELSEWHERE


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.thorough
def test_of_a_fuzzed_thousand_nothing_good_is_lost_or_doubled_and_every_bad_one_is_set_aside(
    kafka: KafkaClient, database: MigratedDatabase, model: ModelServer, tmp_path: Path, name: str
) -> None:
    make, output, message, table = GROUPS[name]
    topic = make(0).topic
    dead = topics.dead_letter(topic)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    sent = list(nasty.stream(7, 1_000, share=SHARE, make=make, start=start))
    good = [one.good for one in sent if one.good is not None]
    bad = [one for one in sent if one.good is None]
    package = f"workloads.{name.replace('-', '_')}"
    with running(
        package, kafka, database, tmp_path, replicas=2, MODEL_SERVER_URL=model.url, BATCH_MAX_RECORDS="50"
    ) as group:
        publish(kafka, topic, sent[:500])
        group.finish()
        # Whoever restores its state meets the bad ones again.
        group.replicas[0].kill()
        until(group.replicas[0].ready, "the killed replica is back", 60)
        publish(kafka, topic, sent[500:])
        group.finish()

    expected = Counter((one.message_key, one.delivery_start) for one in good)
    key = "zone || '/' || name" if table == tables.MARKET_INDICATORS else "symbol"
    time = "delivery_start" if make is nasty.indicator or message is Analytics else "event_time"
    assert Counter(database.query(f"SELECT {key}, {time} FROM {table}")) == expected
    if output is not None and message is not None:
        made = [msgspec.json.decode(record.raw, type=message) for record in kafka.read(output)]
        assert Counter((one.symbol, one.event_time) for one in made) == expected
    assert sum(kafka.ends(dead).values()) >= len(bad)
    letters = kafka.read(dead)
    tombstones = sum(one.value is None for one in bad)
    assert len(letters) == len(bad) - tombstones
    assert Counter(letter.raw[:100] for letter in letters) == Counter(
        one.value[:100] for one in bad if one.value is not None
    )
    assert all(dict(letter.headers)["reason"] for letter in letters)
    print(f"{name}: {len(good)} good processed once, {len(bad)} bad set aside")
