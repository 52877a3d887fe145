"""analytics-consumer as it is deployed: processes, Kafka, PostgreSQL."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.prices import history, price
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, publish, running
from tests.services.servers import until
from workloads.analytics_consumer import rows
from workloads.kit.contracts import metrics, tables, topics
from workloads.kit.contracts.messages import Analytics, Price

PACKAGE = "workloads.analytics_consumer"
SYMBOLS = [f"SYN-{name}" for name in "ABCDEFGH"]
TABLES = (tables.COMMODITY_PRICES_DAILY, tables.PRICE_TRENDS, tables.TECHNICAL_INDICATORS)


@pytest.fixture(autouse=True)
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


def market(days: int, seed: int = 7) -> list[Price]:
    """Prices of all symbols as they become known, with some that come late and some corrections, each of
    these with an available time of its own."""
    choose = random.Random(seed)
    series = {
        symbol: [r.value for r in history(days, symbol=symbol, seed=number)]
        for number, symbol in enumerate(SYMBOLS)
    }
    prices: list[Price] = []
    late: list[Price] = []
    for day in range(days):
        for symbol in SYMBOLS:
            known = price(day, 0.0).published_at + timedelta(seconds=len(prices) + 1)
            if late and choose.random() < 0.01:
                one = late.pop()
                prices.append(msgspec.structs.replace(one, published_at=known))
            elif day > 5 and choose.random() < 0.01:
                old = series[symbol][choose.randrange(max(0, day - 300), day)]
                prices.append(
                    msgspec.structs.replace(
                        old, published_at=known, price=round(old.price * 1.1, 2), correction=True
                    )
                )
            if choose.random() < 0.01:
                late.append(series[symbol][day])
            else:
                prices.append(series[symbol][day])
    return prices


def content(database: MigratedDatabase) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the tables."""
    orders = (rows.PriceKey._fields, rows.Key._fields, rows.Key._fields)
    return {
        table: database.query(f"SELECT * FROM {table} ORDER BY {', '.join(order)}")
        for table, order in zip(TABLES, orders, strict=True)
    }


def messages(kafka: KafkaClient) -> list[Analytics]:
    return [msgspec.json.decode(r.raw, type=Analytics) for r in kafka.read(topics.COMMODITY_ANALYTICS)]


def logged(directory: Path, event: str) -> list[dict[str, Any]]:
    """What the consumers said of an event."""
    lines = [line for log in directory.glob("*.log") for line in log.read_text().splitlines()]
    found: list[dict[str, Any]] = [json.loads(line) for line in lines if line.startswith("{")]
    return [one for one in found if one.get("event") == event]


def key(value: Price | Analytics) -> tuple[Any, ...]:
    if isinstance(value, Price):
        return value.source, value.symbol, value.delivery_start, value.published_at
    return value.source, value.symbol, value.event_time, value.available_time


@pytest.mark.thorough
def test_killed_replicas_lose_and_double_nothing_and_a_second_reading_gives_the_same_tables(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    prices = market(1200)
    publish(kafka, prices)
    # Small batches, so that every kill meets records in flight, and states that are older than most of them.
    often = {"BATCH_MAX_RECORDS": "10", "STATE_RECORDS": "1"}
    with running(PACKAGE, kafka, database, tmp_path, replicas=3, **often) as group:
        group.kill_often(6, seed=1)
        group.finish()
    taken = [line for line in logged(tmp_path, "restored") if line["recalled"]]
    assert taken, "no state was there when a partition changed hands"
    first = content(database)
    sent = messages(kafka)

    assert len(first[tables.COMMODITY_PRICES_DAILY]) == len({key(one) for one in prices}) == len(prices)
    doubled = {identity: count for identity, count in Counter(map(key, sent)).items() if count > 1}
    assert doubled == {}
    columns = ", ".join(Analytics.__struct_fields__)
    stored = set(database.query(f"SELECT {columns} FROM price_trends"))
    assert {msgspec.structs.astuple(one) for one in sent} == stored
    assert len(stored) > len(prices)

    with database.admin() as connection:
        connection.execute(f"TRUNCATE {', '.join(f'features.{table}' for table in TABLES)}".encode())
    with running(PACKAGE, kafka, database, tmp_path) as group:
        group.finish()
    assert content(database) == first


def test_a_lost_database_holds_the_consumer_back_and_nothing_is_lost(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    with running(PACKAGE, kafka, database, tmp_path) as group:
        [replica] = group.replicas
        publish(kafka, market(40))
        group.finish()
        with database.server.connect() as admin:
            admin.execute("ALTER ROLE analytics_consumer NOLOGIN")
            try:
                admin.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE usename = 'analytics_consumer'"
                )
                publish(kafka, market(80))
                until(lambda: replica.metric(metrics.CONSUMER_PAUSED) == 1, "the consumer is held back")
                assert replica.ready()
            finally:
                admin.execute("ALTER ROLE analytics_consumer LOGIN")
        group.finish()
        assert replica.metric(metrics.CONSUMER_PAUSED) == 0
    found = database.query("SELECT source, symbol, delivery_start, published_at FROM commodity_prices_daily")
    assert set(found) == {key(one) for one in [*market(40), *market(80)]}
    assert len(messages(kafka)) == len(database.query("SELECT 1 FROM price_trends"))


def test_a_message_that_is_no_price_is_dead_lettered_and_the_rest_goes_on(
    kafka: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> None:
    prices = market(10)
    publish(kafka, prices)
    kafka.produce(topics.COMMODITY_PRICES, [b'{"symbol": "SYN-A"}'], keys=["SYN-A"])
    publish(kafka, market(30)[len(prices) :])
    with running(PACKAGE, kafka, database, tmp_path) as group:
        group.finish()
    [dead] = kafka.read(topics.dead_letter(topics.COMMODITY_PRICES))
    assert dead.raw == b'{"symbol": "SYN-A"}'
    assert b"missing required field" in dict(dead.headers)["reason"]
    assert len(content(database)[tables.COMMODITY_PRICES_DAILY]) == len(market(30))
