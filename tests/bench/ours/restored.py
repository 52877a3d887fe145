"""analytics-consumer from its start until it is ready, as after a restart, with its most memory.

Settings: bootstrap, input, group, the database's environment, and whether it may take the states that are
kept. Result: seconds, the records that it read, and MiB.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from pathlib import Path

from workloads.analytics_consumer.handler import AnalyticsHandler, save_to
from workloads.analytics_consumer.settings import AnalyticsSettings
from workloads.kit import metrics
from workloads.kit.codec import decoder
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.contracts.messages import Price
from workloads.kit.db import Database
from workloads.kit.series_states import Pace


def main() -> int:
    given = json.loads(sys.argv[1])
    settings = AnalyticsSettings(
        kafka_bootstrap=given["bootstrap"],
        kafka_group=given["group"],
        pod_name=given["group"],
        **given["database"],
    )
    with Database(settings, application_name="bench") as database:
        handler = AnalyticsHandler(save_to(database), history=settings.history_sessions)
        states = (
            handler.states(database, settings.kafka_group, Pace(10**9, 10**9)) if given["states"] else None
        )
        loop = ConsumerLoop(settings, given["input"], decoder(Price), handler, restore=True, states=states)
        thread = threading.Thread(target=loop.run)
        started = time.perf_counter()
        thread.start()
        while thread.is_alive() and not loop.ready()[0]:
            time.sleep(0.01)
        seconds = time.perf_counter() - started
        loop.stop()
        thread.join()
    read = metrics.RESTORED.labels(settings.kafka_group, given["input"])._value.get()
    # Of this program alone: what getrusage says begins with the memory of the process that started it.
    status = Path("/proc/self/status").read_text()
    mebibytes = int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024
    print(json.dumps({"seconds": seconds, "read": read, "mebibytes": mebibytes}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
