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
from workloads.kit.contracts.messages import Analytics, Prediction
from workloads.kit.contracts.platform import CLIENTS

DEAD = topics.dead_letter(topics.COMMODITY_PRICES)
SHARE = 0.05
GROUPS = {
    "analytics-consumer": (topics.COMMODITY_ANALYTICS, Analytics, "commodity_prices_daily"),
    "prediction-consumer": (topics.ML_PREDICTIONS, Prediction, "ml_predictions"),
}


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


def publish(kafka: KafkaClient, sent: Sequence[nasty.Sent]) -> None:
    kafka.produce(topics.COMMODITY_PRICES, [one.value for one in sent], keys=[one.key for one in sent])


def test_every_topic_with_a_consumer_is_fuzzed_here() -> None:
    consumed = {topic for use in CLIENTS.values() if use.group for topic in use.reads}
    assert consumed == {topics.COMMODITY_PRICES}
    assert {name for name, use in CLIENTS.items() if use.group} == set(GROUPS)


@pytest.mark.parametrize("name", GROUPS)
def test_of_a_fuzzed_thousand_nothing_good_is_lost_or_doubled_and_every_bad_one_is_set_aside(
    kafka: KafkaClient, database: MigratedDatabase, model: ModelServer, tmp_path: Path, name: str
) -> None:
    output, message, table = GROUPS[name]
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    sent = list(nasty.stream(7, 1_000, share=SHARE, start=start))
    good = [one.price for one in sent if one.price is not None]
    bad = [one for one in sent if one.price is None]
    package = f"workloads.{name.replace('-', '_')}"
    with running(
        package, kafka, database, tmp_path, replicas=2, MODEL_SERVER_URL=model.url, BATCH_MAX_RECORDS="50"
    ) as group:
        kafka.produce(
            topics.COMMODITY_PRICES, [m.value for m in sent[:500]], keys=[m.key for m in sent[:500]]
        )
        group.finish()
        # Whoever restores its state meets the bad ones again.
        group.replicas[0].kill()
        until(group.replicas[0].ready, "the killed replica is back", 60)
        kafka.produce(
            topics.COMMODITY_PRICES, [m.value for m in sent[500:]], keys=[m.key for m in sent[500:]]
        )
        group.finish()

    expected = Counter((price.symbol, price.delivery_start) for price in good)
    time = "delivery_start" if table == tables.COMMODITY_PRICES_DAILY else "event_time"
    rows = database.query(f"SELECT symbol, {time} FROM {table}")
    made = [msgspec.json.decode(record.raw, type=message) for record in kafka.read(output)]
    assert Counter(rows) == expected
    assert Counter((one.symbol, one.event_time) for one in made) == expected
    assert sum(kafka.ends(DEAD).values()) >= len(bad)
    letters = kafka.read(DEAD)
    tombstones = sum(one.value is None for one in bad)
    assert len(letters) == len(bad) - tombstones
    assert Counter(letter.raw[:100] for letter in letters) == Counter(
        one.value[:100] for one in bad if one.value is not None
    )
    assert all(dict(letter.headers)["reason"] for letter in letters)
    print(f"{name}: {len(good)} good processed once, {len(bad)} bad set aside")
