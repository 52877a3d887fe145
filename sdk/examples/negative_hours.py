"""How often was power cheaper than nothing? Hours below zero of each local day, with the day's mean.

python negative_hours.py DE-LU 2024-03-01 2024-03-31
"""

from __future__ import annotations

import argparse
from datetime import datetime
from zoneinfo import ZoneInfo

from carbon_client import Client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("symbol")
    parser.add_argument("first")
    parser.add_argument("end")
    parser.add_argument("--tz", default="Europe/Berlin")
    given = parser.parse_args()
    zone = ZoneInfo(given.tz)
    start, end = (datetime.fromisoformat(day).replace(tzinfo=zone) for day in (given.first, given.end))
    with Client() as client:
        prices = client.prices(given.symbol, start=start, end=end, resolution="PT1H").to_pandas()
        days = client.aggregates(
            given.symbol, start, end, every="day", resolution="PT1H", tz=given.tz
        ).to_pandas()
    prices["day"] = prices["delivery_start"].dt.tz_convert(zone).dt.date
    below = prices[prices["price"] < 0].groupby("day").size()
    days.index = days["start"].dt.tz_convert(zone).dt.date
    table = days[["mean", "hours"]].assign(negative=below).fillna({"negative": 0})
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()
