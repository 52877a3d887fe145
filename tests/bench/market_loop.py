"""What anybody would write first: the library's own call for each quarter of a year, and a send of each row.

    market_loop.py ZONE,ZONE,… FIRST LAST TOPIC

It runs in the environment of market-connectors' image, as the job does.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

_DAYS = 90


def _main(zones: str, first: str, last: str, topic: str) -> None:
    entsoe: Any = importlib.import_module("entsoe")
    pandas: Any = importlib.import_module("pandas")
    key = (Path(os.environ["SECRETS_DIR"]) / "entsoe").read_text().strip()
    client = entsoe.EntsoePandasClient(api_key=key)
    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"],
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 20,
        }
    )
    over = pandas.Timestamp(last, tz="Europe/Brussels") + pandas.DateOffset(days=1)
    for zone in zones.split(","):
        start = pandas.Timestamp(first, tz="Europe/Brussels")
        while start < over:
            end = min(start + pandas.DateOffset(days=_DAYS), over)
            series = client.query_day_ahead_prices(
                zone.replace("-", "_"), start=start, end=end - pandas.Timedelta(minutes=1)
            )
            for stamp, price in series.items():
                while True:
                    try:
                        producer.produce(
                            topic,
                            json.dumps({"zone": zone, "start": stamp.isoformat(), "price": price}),
                            zone,
                        )
                        break
                    except BufferError:
                        producer.poll(0.1)
            start = end
    producer.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
