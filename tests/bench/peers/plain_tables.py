"""A plain loop from the topic to the tables: the same figures, rows by executemany, messages at least once.

Settings: bootstrap, input, output, group, count, batch, reading, writing, database. Result: seconds, rows.
"""

from __future__ import annotations

import json
import sys
import time

from confluent_kafka import Consumer, Producer

from tests.bench.sql import executemany
from workloads.analytics_consumer import rows
from workloads.analytics_consumer.handler import AnalyticsHandler, Effects
from workloads.kit import db
from workloads.kit.codec import decoder
from workloads.kit.contracts import tables
from workloads.kit.contracts.messages import Price
from workloads.kit.records import Record
from workloads.kit.settings import PostgresSettings


def main() -> None:
    given = json.loads(sys.argv[1])
    consumer = Consumer({**given["reading"], "group.id": given["group"]})
    producer = Producer(given["writing"])
    connection = db.connect(PostgresSettings(**given["database"]), application_name="bench", autocommit=True)
    consumer.subscribe([given["input"]])
    decode, key = decoder(Price), rows.Key._fields
    written = 0

    def save(effects: Effects) -> None:
        nonlocal written
        with connection.transaction():
            for table, columns, identity, part in (
                (tables.COMMODITY_PRICES_DAILY, rows.PRICE_COLUMNS, rows.PriceKey._fields, effects.prices),
                (tables.PRICE_TRENDS, rows.TREND_COLUMNS, key, effects.trends),
                (tables.TECHNICAL_INDICATORS, rows.INDICATOR_COLUMNS, key, effects.indicators),
            ):
                executemany(connection, table, columns, identity, part)
                written += len(part)

    handler = AnalyticsHandler(save)
    left, started = given["count"], 0.0
    while left > 0:
        messages = consumer.consume(1, 0.2)
        if not messages:
            continue
        messages += consumer.consume(given["batch"] - 1, 0.02)
        started = started or time.perf_counter()
        batch: list[Record[Price]] = []
        for message in messages:
            if message.error():
                raise RuntimeError(str(message.error()))
            raw = message.value() or b""
            at = (message.partition() or 0, message.offset() or 0)
            batch.append(Record(given["input"], *at, message.key(), decode(raw), raw, message.timestamp()[1]))
        for output in handler.process(batch):
            producer.produce(given["output"], output.value, output.key)
        if producer.flush():
            raise RuntimeError("not all was delivered")
        consumer.commit(offsets=consumer.position(consumer.assignment()), asynchronous=False)
        left -= len(messages)
    ended = time.perf_counter()
    consumer.close()
    print(json.dumps({"seconds": ended - started, "rows": written}))


if __name__ == "__main__":
    main()
