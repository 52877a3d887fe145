"""A loop on confluent-kafka with nothing around it: decode a price, write it to another topic.

In a transaction a batch, or without one: deliver, then commit the offsets. No dead letters, no retries, no
rebalances, no metrics. Settings: bootstrap, input, output, group, count, batch, transactional, reading,
writing; `from_end`: read what comes from now on, and say so with a line. Result: seconds.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from workloads.kit.contracts.messages import Price


def main() -> None:
    given = json.loads(sys.argv[1])
    consumer = Consumer({**given["reading"], "group.id": given["group"]})
    options: dict[str, Any] = {"transactional.id": given["group"]} if given["transactional"] else {}
    producer = Producer({**given["writing"], **options})
    if given["transactional"]:
        producer.init_transactions()

    def assigned(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if given.get("from_end"):
            for at in partitions:
                at.offset = consumer.get_watermark_offsets(at, timeout=30)[1]
            consumer.assign(partitions)
            print("assigned", flush=True)

    consumer.subscribe([given["input"]], on_assign=assigned)
    decode, encode = msgspec.json.Decoder(Price).decode, msgspec.json.Encoder().encode
    output, batch, left = given["output"], given["batch"], given["count"]
    started = 0.0
    while left > 0:
        messages = consumer.consume(1, 0.2)
        if not messages:
            continue
        messages += consumer.consume(batch - 1, 0.02)
        started = started or time.perf_counter()
        if given["transactional"]:
            producer.begin_transaction()
        for message in messages:
            if message.error():
                raise RuntimeError(str(message.error()))
            producer.produce(output, encode(decode(message.value() or b"")), message.key())
        positions = consumer.position(consumer.assignment())
        if given["transactional"]:
            producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata())
            producer.commit_transaction()
        else:
            if producer.flush():
                raise RuntimeError("not all was delivered")
            consumer.commit(offsets=positions, asynchronous=False)
        left -= len(messages)
    ended = time.perf_counter()
    consumer.close()
    print(json.dumps({"seconds": ended - started}))


if __name__ == "__main__":
    main()
