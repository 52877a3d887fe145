"""Indicators from a file, an API and a database to their topic and table: real Kafka and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.clients import MigratedDatabase
from tests.services.consumers import running
from tests.services.test_price_pipeline import Platform, platform, platform_topics
from tests.unit.price_pipeline.api import Api
from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.indicators import Indicator

__all__ = ["platform", "platform_topics"]

DEAD = topics.dead_letter(topics.MARKET_INDICATORS)
GRID: dict[str, Any] = {"market": "DE-LU", "unit": "MW", "resolution": "PT1H", "time_zone": "Europe/Berlin"}


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    yield server
    server.close()


def forecasts(platform: Platform, *lines: str) -> dict[str, Any]:
    path = platform.directory / "forecasts.csv"
    path.write_text("\n".join(["start,load,wind", *lines]) + "\n")
    columns = {"event_time": "start", "indicators": {"load": "load", "wind": "wind"}}
    told = {"publishes": "forecasts", "publication": {"day": -1, "at": "10:00"}, "columns": columns}
    return {"kind": "csv", "name": "forecasts", "path": str(path), **GRID, **told}


def test_indicators_reach_their_table_beside_prices_and_a_second_run_adds_nothing(
    platform: Platform, database: MigratedDatabase, api: Api, tmp_path: Path
) -> None:
    rows = [{"t": "2026-03-01T00:00", "zone": "FR", "what": "Load", "mw": 55_000}]
    api.answer = lambda _path, _query: (200, {}, json.dumps(rows))
    columns = {"event_time": "t", "zone": "zone", "indicator": "what", "value": "mw"}
    actuals = {
        "kind": "http",
        "name": "actuals",
        "url": f"{api.url}/load",
        **GRID,
        "publishes": "actuals",
        "columns": columns,
        "symbols": {"Load": "load"},
    }
    lines = ["2026-03-01 00:00,41000,-1", "2026-03-01 01:00,4O000,2"]
    platform.sources(platform.csv("daily", ["2020-01-02,60"]), forecasts(platform, *lines), actuals)
    platform.run()

    decode = decoder(Indicator)
    sent = [decode(record.raw) for record in platform.kafka.read(topics.MARKET_INDICATORS)]
    told = {(one.source, one.zone, one.name, one.kind, one.value) for one in sent}
    expected = {
        ("forecasts", "DE-LU", "load", "forecast", 41_000.0),
        ("forecasts", "DE-LU", "wind", "forecast", -1.0),
        ("forecasts", "DE-LU", "wind", "forecast", 2.0),
        ("actuals", "FR", "load", "actual", 55_000.0),
    }
    assert told == expected
    assert [price.source for price in platform.prices()] == ["daily"]
    (letter,) = platform.kafka.read(DEAD)
    assert b"4O000" in letter.raw
    assert dict(letter.headers)["symbol"] == b"DE-LU/load/forecast"

    platform.run()
    assert len(platform.kafka.read(topics.MARKET_INDICATORS)) == len(expected)
    assert len(platform.kafka.read(DEAD)) == 1
    ((detail,),) = database.query("SELECT detail FROM job_runs ORDER BY id DESC LIMIT 1")
    assert detail["sources"]["forecasts"]["skipped"] == 3

    lines[0] = lines[0].replace("41000", "42000")
    platform.sources(forecasts(platform, *lines), actuals)
    platform.run()
    with running("workloads.indicator_consumer", platform.kafka, database, tmp_path) as group:
        group.finish()
    stored = "SELECT source, zone, name, kind, value FROM market_indicators_current"
    assert set(database.query(stored)) == (
        expected - {("forecasts", "DE-LU", "load", "forecast", 41_000.0)}
    ) | {("forecasts", "DE-LU", "load", "forecast", 42_000.0)}
    then = stored.replace("market_indicators_current", "market_indicators_as_of('2026-03-01T12:00Z')")
    assert set(database.query(then)) == expected


def test_a_query_gives_indicators_and_a_file_by_hand_is_shown_before_it_is_published(
    platform: Platform, database: MigratedDatabase
) -> None:
    where = database.env("price_pipeline")
    query = "SELECT timestamptz '2026-03-01 00:00Z' AS at, 'temperature' AS what, -4.5 AS value"
    weather = {
        "kind": "sql",
        "name": "weather",
        "host": where["POSTGRES_HOST"],
        "port": int(where["POSTGRES_PORT"]),
        "database": where["POSTGRES_DATABASE"],
        "user": where["POSTGRES_USER"],
        "query": query,
        "password_file": where["POSTGRES_PASSWORD_FILE"],
        **GRID,
        "unit": "Cel",
        "publishes": "actuals",
        "columns": {"event_time": "at", "indicator": "what", "value": "value"},
    }
    platform.sources(weather, forecasts(platform))
    platform.run("--source", "weather")
    (record,) = platform.kafka.read(topics.MARKET_INDICATORS)
    assert record.key == b"DE-LU/temperature"
    assert decoder(Indicator)(record.raw).value == -4.5

    file = platform.directory / "by-hand.csv"
    file.write_text("start,load,wind\n2026-03-01 00:00,41000,\n")
    looked = platform.command("ingest", str(file), "--as", "forecasts")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    seen = json.loads(looked.stdout.splitlines()[-1])
    assert seen["counts"] == {"published": 1, "unobserved": 1}
    assert len(platform.kafka.read(topics.MARKET_INDICATORS)) == 1
    done = platform.command("ingest", str(file), "--as", "forecasts", "--confirm", seen["confirm"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(platform.kafka.read(topics.MARKET_INDICATORS)) == 2
