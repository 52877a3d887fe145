"""The rules that a schema of pandera can say of a batch, a day at a time: range, steep steps, repeats, gaps.

What is usual by time of day, and what a whole day looks like, it has no notion of; each batch is a frame of
its own, as it is where messages come a day at a time.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
import pandera.pandas as pa  # pyright: ignore[reportMissingImports] - in the environment of the peers


def main() -> None:
    prices = np.load(json.loads(sys.argv[1])["file"])
    step = pd.Timedelta(hours=1)
    schema = pa.DataFrameSchema(
        {
            "start": pa.Column(
                "datetime64[ns, UTC]",
                [pa.Check(lambda s: s.diff().dropna() == step, error="gap")],
                unique=True,
            ),
            "price": pa.Column(
                float,
                [
                    pa.Check.in_range(-500, 4000),
                    pa.Check(lambda s: s.diff().abs().fillna(0) < 60, error="spike"),
                    pa.Check(lambda s: s.rolling(5).apply(np.ptp, raw=True).fillna(1) > 0, error="stuck"),
                ],
            ),
        }
    )
    first = pd.Timestamp("2012-01-09", tz="UTC")
    began, alarms = time.process_time(), 0
    for number, day in enumerate(prices):
        frame = pd.DataFrame(
            {
                "start": pd.date_range(first + number * pd.Timedelta(days=1), periods=len(day), freq=step),
                "price": day,
            }
        )
        try:
            schema.validate(frame, lazy=True)
        except pa.errors.SchemaErrors as errors:
            alarms += len(errors.failure_cases)
    print(json.dumps({"rate": prices.size / (time.process_time() - began), "alarms": alarms}))


if __name__ == "__main__":
    main()
