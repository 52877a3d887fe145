"""Elexon's Insights: the market index in JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from tests.markets.truth import Market
from tests.markets.world import Answer, Asked, Site

HOST = "data.elexon.co.uk"
NAME = "GB"


def elexon(market: Market) -> Site:
    """Half hours of the provider that is asked for."""

    def site(asked: Asked) -> Answer:
        first, last = (datetime.fromisoformat(asked.query[name]) for name in ("from", "to"))
        day, rows = first.astimezone(market.zone).date(), list[dict[str, object]]()
        while market.bounds(day)[0] <= last:
            rows += [
                {
                    "startTime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                    "dataProvider": asked.query["dataProviders"],
                    "settlementDate": str(day),
                    "settlementPeriod": number,
                    "price": amount,
                    "volume": 100.5,
                }
                for number, (start, _, amount) in enumerate(market.day(NAME, day), 1)
                if first <= start <= last
            ]
            day += timedelta(days=1)
        answer = {"metadata": {"datasets": ["MID"]}, "data": rows}
        return Answer(json.dumps(answer).encode(), "application/json")

    return site
