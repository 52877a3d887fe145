"""Forecasts of a whole delivery day in a cluster: from messages of a market to an answer before delivery."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import msgspec

from tests import power_market
from tests.cluster import kafka
from tools import access, jobs, kube, status
from tools.wait import until
from workloads.kit.codec import encode
from workloads.kit.contracts import env, topics
from workloads.kit.contracts.forecasts import DeliveryForecast
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.instruments import Instrument
from workloads.kit.contracts.messages import Price

HISTORY = 120


def published(symbol: str, tomorrow: date) -> list[Price | Indicator]:
    """A market of the symbol's own: prices up to today, forecasts of load and wind up to tomorrow."""
    found: list[Price | Indicator] = []
    for day, prices, told in power_market.market(
        power_market.days(tomorrow - timedelta(days=HISTORY), HISTORY + 1)
    ):
        if day < tomorrow:
            found += [msgspec.structs.replace(one, symbol=symbol) for one in prices]
        # Known in time for an issue at any hour of today.
        early = timedelta(days=1)
        found += [
            msgspec.structs.replace(one, zone=symbol, published_at=one.published_at - early) for one in told
        ]
    return found


def forecast(instrument: Instrument) -> str:
    """Run the job of its schedule for one instrument, and return its log."""
    job: dict[str, Any] = jobs.template("forecast-run")
    [container] = job["spec"]["template"]["spec"]["containers"]
    [listed] = [one for one in container["env"] if one["name"] == env.INSTRUMENTS]
    listed["value"] = json.dumps([instrument.model_dump(mode="json", exclude_none=True)])
    name: str = job["metadata"]["name"]
    kube.kubectl("create", "-f", "-", stdin=json.dumps(job))
    try:
        jobs.wait(name, limit=600)
        return jobs.log(name)
    finally:
        kube.kubectl("delete", "job", name, "-n", jobs.PLATFORM, "--wait=false", "--ignore-not-found")


def test_every_period_of_tomorrow_is_forecast_before_it_begins_and_once(platform: str) -> None:
    now = datetime.now(UTC)
    symbol = f"SYN-DA-{now:%Y%m%d%H%M%S}"
    # Issued at midnight: due at whatever hour this runs.
    instrument = Instrument(
        symbol=symbol,
        source=power_market.SOURCE,
        time_zone=power_market.ZONE,
        indicators=list(power_market.NAMES),
        kind="kernel",
        gate_closure="00:00",
        margin_minutes=0,
    )
    tomorrow, issued_at = instrument.newest(now)
    sent = published(symbol, tomorrow)
    kafka.produce_all([(one.topic, one.message_key.encode(), encode(one)) for one in sent])
    for table, column, kind in (
        ("commodity_prices_daily", "symbol", Price),
        ("market_indicators", "zone", Indicator),
    ):
        count = f"select count(*) as n from features.{table} where {column} = '{symbol}'"
        due = sum(isinstance(one, kind) for one in sent)
        until(lambda count=count, due=due: status.query(count)[0]["n"] == due, f"{due} in {table}", limit=300)

    assert symbol in forecast(instrument)
    rows = status.query(
        "select delivery_start, available_time, quantiles, lower, prediction, upper, missing"
        f" from features.ml_predictions where symbol = '{symbol}' and delivery_start is not null"
        " order by delivery_start"
    )
    periods = power_market.periods(tomorrow)
    assert [datetime.fromisoformat(row["delivery_start"]) for row in rows] == [start for start, _ in periods]
    assert all(len(row["quantiles"]) == 19 and row["missing"] == [] for row in rows)
    assert all(row["lower"] <= row["prediction"] <= row["upper"] for row in rows)
    assert datetime.fromisoformat(rows[0]["available_time"]) < periods[0][0]

    assert "there already" in forecast(instrument)
    on_topic = [
        msgspec.json.decode(m.value, type=DeliveryForecast)
        for m in kafka.committed(topics.ML_PREDICTIONS)
        if m.key == symbol.encode() and b'"delivery_day"' in m.value
    ]
    assert [(one.delivery_day, one.issued_at) for one in on_topic] == [(tomorrow, issued_at)]

    server = access.where(access.by_name("model-server"))
    answer = httpx.get(
        f"{server}/predict", params={"symbol": symbol, "delivery": tomorrow.isoformat()}, timeout=10
    )
    assert answer.status_code == 200
    assert msgspec.json.decode(answer.content, type=DeliveryForecast) == on_topic[0]
    none = httpx.get(f"{server}/predict", params={"symbol": symbol, "delivery": "2000-01-01"}, timeout=10)
    assert (none.status_code, none.json()["field"]) == (404, "delivery")
