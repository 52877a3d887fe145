"""A consumer of its own process for tests to kill: copies each record's value to another topic.

`python -m tests.services.echo INPUT OUTPUT`, settings from the environment. Prints `assigned` lines as logs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Sequence

from workloads.kit import log
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.records import Output, Record
from workloads.kit.settings import KafkaConsumerSettings, load


class Echo:
    """`ECHO_SECONDS` is how long a batch takes, so that a signal meets one."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._seconds = float(os.environ.get("ECHO_SECONDS", "0"))

    def restore(self, records: Sequence[Record[bytes]]) -> None:
        pass

    def forget(self, partitions: Collection[int]) -> None:
        pass

    def committed(self, partitions: Collection[int]) -> None:
        pass

    def process(self, batch: Sequence[Record[bytes]]) -> Sequence[Output]:
        if self._seconds:
            time.sleep(self._seconds)
        return [Output(self._output, record.key, record.raw) for record in batch]


def main() -> int:
    log.configure("echo")
    topic, output = sys.argv[1:]
    transactional = os.environ.get("ECHO_TRANSACTIONAL", "1") == "1"
    loop = ConsumerLoop(
        load(KafkaConsumerSettings), topic, bytes, Echo(output), restore=False, transactional=transactional
    )
    return loop.run()


if __name__ == "__main__":
    sys.exit(main())
