"""analytics-consumer as it is, until a count is reached: prices to three tables and a topic.

Settings: bootstrap, input, group, count, and the database's environment. Result: seconds, split, rows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from tests.bench.ours.clock import Clock
from workloads.analytics_consumer.handler import AnalyticsHandler, Effects, save_to
from workloads.analytics_consumer.settings import AnalyticsSettings
from workloads.kit.codec import decoder
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.contracts.messages import Price
from workloads.kit.db import Database
from workloads.kit.records import Output, Record


class Counted(AnalyticsHandler):
    """The handler; stops the loop after `left` records."""

    left: int
    loop: ConsumerLoop[Price]
    clock: Clock

    def process(self, batch: Sequence[Record[Price]]) -> list[Output]:
        self.clock.start()
        self.left -= len(batch)
        if self.left <= 0:
            self.loop.stop()
        return super().process(batch)


class Saver:
    """Writes effects and counts their rows."""

    def __init__(self, database: Database) -> None:
        self._save = save_to(database)
        self.rows = 0

    def save(self, effects: Effects) -> None:
        self.rows += len(effects.prices) + len(effects.trends) + len(effects.indicators)
        self._save(effects)


def main() -> int:
    given = json.loads(sys.argv[1])
    clock = Clock()
    clock.watch_loop()
    clock.watch(Counted, "process", "handle")
    clock.watch(Saver, "save", "upsert")
    settings = AnalyticsSettings(
        kafka_bootstrap=given["bootstrap"],
        kafka_group=given["group"],
        pod_name=given["group"],
        **given["database"],
    )
    with Database(settings, application_name="bench") as database:
        saver = Saver(database)
        handler = Counted(saver.save, history=settings.history_sessions)
        handler.clock, handler.left = clock, given["count"]
        loop = handler.loop = ConsumerLoop(settings, given["input"], decoder(Price), handler, restore=True)
        code = loop.run()
    split = clock.split()
    split["figures"] = split.pop("handle") - split["upsert"]
    print(json.dumps({"seconds": clock.total, "split": split, "rows": saver.rows}))
    return code


if __name__ == "__main__":
    sys.exit(main())
