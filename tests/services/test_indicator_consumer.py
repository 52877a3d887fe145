"""indicator-consumer as it is deployed: processes, Kafka, PostgreSQL."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.indicators import START, indicator
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, publish, running
from workloads.indicator_consumer.handler import COLUMNS, Key
from workloads.kit.contracts import metrics, tables, topics
from workloads.kit.contracts.indicators import Indicator

PACKAGE = "workloads.indicator_consumer"
ORDER = ", ".join(Key._fields)


@pytest.fixture(autouse=True)
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


def revised(count: int, seed: int = 3) -> list[Indicator]:
    """Forecasts and actuals of some zones, one in five of them revised, each revision known later."""
    choose = random.Random(seed)
    found: list[Indicator] = []
    for number in range(count):
        zone = f"SYN-{number % 6}"
        kind = choose.choice(("forecast", "actual"))
        first = indicator(number // 6, choose.uniform(-500, 500), zone=zone, kind=kind)
        found.append(first)
        if choose.random() < 0.2:
            known = first.published_at + timedelta(minutes=choose.randrange(1, 600))
            found.append(
                msgspec.structs.replace(first, value=first.value + 1, published_at=known, correction=True)
            )
    return found


def content(database: MigratedDatabase) -> list[tuple[Any, ...]]:
    return database.query(f"SELECT {', '.join(COLUMNS)} FROM {tables.MARKET_INDICATORS} ORDER BY {ORDER}")


@pytest.mark.thorough
def test_killed_replicas_lose_and_double_nothing_and_a_second_reading_gives_the_same_rows(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    sent = revised(2_000)
    publish(kafka, sent)
    with running(PACKAGE, kafka, database, tmp_path, replicas=2, BATCH_MAX_RECORDS="10") as group:
        group.kill_often(4, seed=1)
        group.finish()
    first = content(database)
    assert len(first) == len(sent)
    assert {row[: len(row) - 2] for row in first} == {msgspec.structs.astuple(one) for one in sent}

    with database.admin() as connection:
        connection.execute(f"TRUNCATE features.{tables.MARKET_INDICATORS}".encode())
    with running(PACKAGE, kafka, database, tmp_path) as group:
        group.finish()
    assert content(database) == first


def test_as_of_an_instant_each_period_has_the_last_value_that_was_known_then(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    revision = indicator(30, 2.0, known=10, correction=True)
    publish(
        kafka,
        [
            indicator(30, 1.0, known=6),
            revision,
            indicator(31, 5.0, known=12),
            indicator(30, 9.0, kind="actual"),
        ],
    )
    with running(PACKAGE, kafka, database, tmp_path) as group:
        group.finish()

    def known(hour: int) -> list[tuple[Any, ...]]:
        return database.query(
            "SELECT kind, extract(hour FROM delivery_start)::int, value"
            f" FROM market_indicators_as_of('{(START + timedelta(hours=hour)).isoformat()}')"
            " WHERE zone = 'DE-LU' AND name = 'load' ORDER BY kind, delivery_start"
        )

    assert known(5) == []
    assert known(9) == [("forecast", 6, 1.0)]
    assert known(11) == [("forecast", 6, 2.0)]
    assert known(12) == [("forecast", 6, 2.0), ("forecast", 7, 5.0)]
    everything = [("actual", 6, 9.0), ("forecast", 6, 2.0), ("forecast", 7, 5.0)]
    assert known(31) == everything
    current = "SELECT kind, extract(hour FROM delivery_start)::int, value FROM market_indicators_current"
    assert database.query(f"{current} ORDER BY kind, delivery_start") == everything

    with database.admin() as connection:
        connection.execute("SET enable_seqscan = off")  # which so few rows call for
        connection.execute("SET search_path = features")
        asked = (
            "EXPLAIN SELECT value FROM market_indicators_as_of('2026-03-02') WHERE zone = 'DE-LU'"
            " AND name = 'load' AND kind = 'forecast'"
            " AND delivery_start >= '2026-03-01' AND delivery_start < '2026-03-15'"
        )
        plan = "\n".join(line for (line,) in connection.execute(asked))
    assert "Index Scan Backward" in plan
    assert re.search(r"Index Cond:.*zone.*delivery_start", plan)
    assert "Sort" not in plan
    assert "Append" not in plan, "other months are looked into, too"


def test_what_is_no_indicator_or_has_anothers_key_is_set_aside_and_the_rest_goes_on(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    good = revised(200)
    publish(kafka, good)
    wrong = indicator(1, 1.0)
    kafka.produce(
        topics.MARKET_INDICATORS,
        [b"{", msgspec.json.encode(wrong)],
        keys=[b"DE-LU/load", b"FR/load"],
    )
    with running(PACKAGE, kafka, database, tmp_path) as group:
        group.finish()
        assert group.replicas[0].metric(metrics.CONSUMER_DEAD_LETTERS) == 2
    letters = kafka.read(topics.dead_letter(topics.MARKET_INDICATORS))
    assert {dict(letter.headers)["error"] for letter in letters} == {b"DecodeError", b"WrongKey"}
    assert len(content(database)) == len(good)
