"""data-quality as it is deployed: processes, Kafka, PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests import faults, nasty
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, publish, running
from tests.services.servers import until
from workloads.data_quality.alerts import COLUMNS
from workloads.kit.codec import decoder, encode
from workloads.kit.contracts import metrics, tables, topics
from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.quality import QualityAlert

PACKAGE = "workloads.data_quality"
DAYS = 90
FIRST = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


def prices(symbol: str, seed: int) -> list[Price]:
    """Day-ahead prices of a market of 24 hours a day, with a spike, a gap and an impossible price."""
    days = faults.points(FIRST, faults.made(DAYS, seed), seed)
    days[50][7] = days[50][7]._replace(value=days[50][7].value + 400)
    days[60][3] = days[60][3]._replace(value=4_500.0)
    del days[70][10:12]
    return [
        Price(
            source="test",
            market="power",
            symbol=symbol,
            product="day-ahead",
            delivery_start=point.start,
            delivery_end=point.end,
            resolution="PT1H",
            published_at=point.published,
            price=point.value,
            currency="EUR",
            unit="MWh",
            provenance="market",
        )
        for day in days
        for point in day
    ]


def interleaved(seed: int) -> list[Price]:
    """Several markets' prices, mixed, each market's in order. DE-LU has limits."""
    choose = random.Random(seed)
    left = [prices(symbol, at) for at, symbol in enumerate(("DE-LU", "XX", "YY"))]
    mixed: list[Price] = []
    while left := [one for one in left if one]:
        mixed.append(choose.choice(left).pop(0))
    return mixed


def told(database: MigratedDatabase) -> list[tuple[Any, ...]]:
    """Alerts but for when they were found."""
    columns = ", ".join(name for name in COLUMNS if name != "detected_at")
    return database.query(f"SELECT {columns} FROM {tables.QUALITY_ALERTS} ORDER BY id")


def messages(kafka: KafkaClient) -> list[QualityAlert]:
    decode = decoder(QualityAlert)
    return [decode(one.value) for one in kafka.read(topics.QUALITY_ALERTS)]


@pytest.mark.thorough
def test_killed_replicas_lose_and_double_no_alert_and_a_second_reading_finds_the_same(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    publish(kafka, interleaved(1))
    with running(PACKAGE, kafka, database, tmp_path, replicas=2, BATCH_MAX_RECORDS="40") as group:
        group.kill_often(4, seed=1)
        group.finish()
    first = told(database)
    found = set(database.query(f"SELECT series, rule, period_start FROM {tables.QUALITY_ALERTS}"))
    for symbol in ("DE-LU", "XX", "YY"):
        assert (symbol, "spike", FIRST + timedelta(days=50, hours=7)) in found
        assert (symbol, "gap", FIRST + timedelta(days=70, hours=10)) in found
    assert {series for series, rule, _ in found if rule == "range"} == {"DE-LU"}
    # What is impossible is a dead letter once, whoever was killed when.
    (letter,) = kafka.read(topics.dead_letter(topics.COMMODITY_PRICES))
    assert decoder(Price)(letter.value).price == 4_500.0
    sent = messages(kafka)
    assert len({one.id for one in sent}) == len(sent) == len(first)
    assert {one.id for one in sent} == {row[0] for row in first}

    with database.admin() as connection:
        connection.execute(f"TRUNCATE features.{tables.QUALITY_ALERTS}".encode())
    with running(PACKAGE, kafka, database, tmp_path) as group:
        group.finish()
    assert told(database) == first


@pytest.mark.parametrize(("member", "make"), [("", nasty.price), ("indicators", nasty.indicator)])
def test_what_is_no_message_is_set_aside_and_the_strangest_stop_neither_member(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path, member: str, make: Callable[..., Message]
) -> None:
    topic = make(0).topic
    sent = list(nasty.stream(7, 1_000, share=0.05, make=make))
    kafka.produce(topic, [one.value for one in sent], keys=[one.key for one in sent])
    bad = [one for one in sent if one.good is None]
    with running(PACKAGE, kafka, database, tmp_path, member=member) as group:
        group.finish()
        assert group.replicas[0].metric(metrics.CONSUMER_DEAD_LETTERS) == len(bad) > 0
    tombstones = sum(one.value is None for one in bad)  # they are counted, and have nothing to be kept
    assert len(kafka.read(topics.dead_letter(topic))) == len(bad) - tombstones


@pytest.mark.thorough
def test_a_source_that_is_silent_is_told_of_once_by_the_clock_alone(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    last = datetime.now(UTC) - timedelta(hours=6)
    silent = [
        msgspec.structs.replace(
            one,
            product="real-time",
            delivery_start=last - timedelta(hours=ago + 1),
            delivery_end=last - timedelta(hours=ago),
            published_at=last - timedelta(hours=ago),
        )
        for one, ago in zip(prices("XX", 5), range(47, -1, -1), strict=False)
    ]
    kafka.produce(
        topics.COMMODITY_PRICES,
        [encode(one) for one in silent],
        keys=[one.symbol for one in silent],
        written_ms=[int(one.published_at.timestamp() * 1000) + 60_000 for one in silent],
    )
    with running(PACKAGE, kafka, database, tmp_path, CLOCK_SECONDS="0.2") as group:
        group.finish()
        until(lambda: group.replicas[0].metric(metrics.QUALITY_OVERDUE) > 2.5 * 3600, "it is overdue", 60)
        until(lambda: "stale" in {row[1] for row in told(database)}, "it is told", 30)
    [alert] = [one for one in messages(kafka) if one.rule == "stale"]
    assert (alert.series, alert.period_start) == ("XX", silent[-1].published_at)
