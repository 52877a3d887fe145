"""The kit's consumer loop, transactional: decode a price, write it to another topic.

Settings: bootstrap, input, output, group, count. Result: seconds, count, split.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence

from tests.bench.ours.clock import Clock
from workloads.kit.codec import decoder, encode
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.contracts.messages import Price
from workloads.kit.records import Output, Record
from workloads.kit.settings import KafkaConsumerSettings


class Copy:
    """Writes each price anew; stops the loop after `count`."""

    def __init__(self, clock: Clock, output: str, count: int) -> None:
        self._clock = clock
        self._output = output
        self._left = count
        self.loop: ConsumerLoop[Price] | None = None

    def restore(self, records: Sequence[Record[Price]]) -> None:
        pass

    def forget(self, partitions: Collection[int]) -> None:
        pass

    def committed(self, partitions: Collection[int]) -> None:
        pass

    def process(self, batch: Sequence[Record[Price]]) -> list[Output]:
        self._clock.start()
        self._left -= len(batch)
        if self._left <= 0 and self.loop is not None:
            self.loop.stop()
        return [Output(self._output, record.key, encode(record.value)) for record in batch]


def main() -> int:
    given = json.loads(sys.argv[1])
    clock = Clock()
    clock.watch_loop()
    clock.watch(Copy, "process", "handle")
    handler = Copy(clock, given["output"], given["count"])
    settings = KafkaConsumerSettings(
        kafka_bootstrap=given["bootstrap"],
        kafka_group=given["group"],
        pod_name=given["group"],
        batch_max_records=given["batch"],
    )
    loop = handler.loop = ConsumerLoop(settings, given["input"], decoder(Price), handler, restore=False)
    code = loop.run()
    print(json.dumps({"seconds": clock.total, "split": clock.split()}))
    return code


if __name__ == "__main__":
    sys.exit(main())
