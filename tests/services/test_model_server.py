"""The model server as it runs: gunicorn's workers, a real registry and feature store, and their absence."""

from __future__ import annotations

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fixture_models import ECHO, artifact, echoing
from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_predictions, add_prices
from tests.services.servers import Process, Redis, free_ports, until
from tools.embedded.mlflow import Mlflow
from tools.embedded.process import START_SECONDS
from workloads.kit.contracts import metrics as names
from workloads.kit.contracts.models import model_name
from workloads.kit.contracts.serving import Forecast, Forecasts
from workloads.kit.features import features
from workloads.kit.registry import Registry

START = datetime(2015, 1, 1, tzinfo=UTC)
PRICES = echoing(21, 300)
ROW = features(PRICES)[-1].tolist()


class Server:
    """`python -m workloads.model_server` with two workers that look at the registry often."""

    def __init__(
        self, database: MigratedDatabase, mlflow: Mlflow, directory: Path, redis: Redis | None = None
    ) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.process = Process(
            [sys.executable, "-m", "workloads.model_server"],
            directory / "server.log",
            {
                **database.env("model_server"),
                "MLFLOW_TRACKING_URI": mlflow.uri,
                "PORT": str(port),
                "WORKERS": "2",
                "REGISTRY_POLL_SECONDS": "0.3",
                "COVERAGE_REFRESH_SECONDS": "0.5",
                "STORE_TIMEOUT_SECONDS": "1",
                "MODELS_DIR": str(directory / "models"),
                "METRICS_DIR": str(directory / "metrics"),
                **(redis.env if redis else {}),
            },
        )
        until(self.ready, "the model server is ready", 2 * START_SECONDS)

    def ready(self) -> bool:
        assert self.process.running(), self.process.tail()
        return self.get("/readyz")[0] == 200

    def get(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body; 0 while nothing listens."""
        try:
            with urllib.request.urlopen(self.url + path, body, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def by_symbol(self, symbol: str) -> Forecast:
        status, body = self.get(f"/predict?symbol={symbol}")
        assert status == 200, body
        return msgspec.json.decode(body, type=Forecast)

    def batch(self, symbol: str) -> Forecast:
        sent = {"instances": [{"symbol": symbol, "price": float(PRICES[-1]), "features": ROW}]}
        status, body = self.get("/predict", msgspec.json.encode(sent))
        assert status == 200, body
        (forecast,) = msgspec.json.decode(body, type=Forecasts).predictions
        return forecast

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}

    def metric(self, name: str, **labels: str) -> float:
        """Sum over the samples of this name with these labels."""
        text = self.get("/metrics")[1].decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def everyone(self, symbol: str, version: int) -> bool:
        """Whether no worker answers with another version: twenty connections meet both of two."""
        return all(self.batch(symbol).model_version == version for _ in range(20))

    def everyone_covers(self, symbol: str) -> bool:
        """Whether no worker answers without a realised coverage, by the same twenty connections."""
        return all(self.by_symbol(symbol).coverage_count > 0 for _ in range(20))


@pytest.fixture
def server(database: MigratedDatabase, mlflow: Mlflow, tmp_path: Path) -> Iterator[Server]:
    started = Server(database, mlflow, tmp_path)
    try:
        yield started
        started.process.send(signal.SIGTERM)
        assert started.process.wait(30) == 0, started.process.tail()
    finally:
        started.process.stop()


@pytest.fixture
def registry(mlflow: Mlflow) -> Registry:
    return Registry(mlflow.uri)


def serve(registry: Registry, symbol: str, *weights: float) -> None:
    """Versions 1… of these weights, the last one champion."""
    versions = [registry.register(artifact(symbol, weight), {}, {}) for weight in weights]
    registry.point(symbol, "champion", versions[-1])


def test_a_symbol_is_predicted_from_the_feature_store_with_its_record(
    database: MigratedDatabase, registry: Registry, server: Server
):
    serve(registry, "SRV-STORE", ECHO)
    days = add_prices(database, "SRV-STORE", PRICES, start=START)
    add_predictions(database, artifact("SRV-STORE"), 1, days[-60:], PRICES)
    until(lambda: server.everyone("SRV-STORE", 1), "every worker serves version 1")
    # Each worker reads the coverage by itself, so one that has it says nothing of the other.
    until(lambda: server.everyone_covers("SRV-STORE"), "every worker has read the coverage")

    forecast = server.by_symbol("SRV-STORE")
    assert forecast.event_time == days[-1]
    assert forecast.price == PRICES[-1]
    assert (forecast.model_alias, forecast.skill, forecast.skill_score) == ("champion", "proven", 0.1)
    assert forecast.lower < forecast.prediction < forecast.upper
    # The last prediction has no outcome yet.
    assert forecast.coverage_count == 59
    ((covered,),) = database.query(
        "SELECT avg(covered::int)::float8 FROM prediction_outcomes WHERE symbol = 'SRV-STORE'"
    )
    assert forecast.realised_coverage == pytest.approx(covered)
    # Features sent by the caller are the same features.
    other = server.batch("SRV-STORE")
    assert other.prediction == pytest.approx(forecast.prediction, rel=1e-12)


def test_as_of_knows_no_later_price(database: MigratedDatabase, registry: Registry, server: Server):
    days = add_prices(database, "SRV-PAST", PRICES, start=START)
    corrected = days[101] + timedelta(hours=12)
    with database.admin() as connection:
        # Day 100 was corrected half a day after it was published.
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, product, delivery_start,"
            " delivery_end, resolution, published_at, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset) SELECT source, symbol, product, delivery_start, delivery_end,"
            " resolution, %s, market, price * 10, currency, unit, provenance, true, topic_partition, 999"
            " FROM features.commodity_prices_daily WHERE symbol = 'SRV-PAST' AND delivery_start = %s",
            (corrected, days[100]),
        )

    def forecast(as_of: datetime) -> Forecast:
        status, body = server.get(f"/predict?symbol=SRV-PAST&as_of={as_of:%Y-%m-%dT%H:%M:%SZ}")
        assert status == 200, body
        return msgspec.json.decode(body, type=Forecast)

    # A price is known a day after its day.
    assert (forecast(days[101]).price, forecast(days[101]).event_time) == (PRICES[100], days[100])
    assert (forecast(days[100]).price, forecast(days[100]).event_time) == (PRICES[99], days[99])

    assert forecast(corrected - timedelta(seconds=1)).price == PRICES[100]
    assert forecast(corrected).price == PRICES[100] * 10


def test_every_worker_follows_a_promotion_and_a_roll_back(registry: Registry, server: Server):
    serve(registry, "SRV-SWAP", ECHO)
    until(lambda: server.everyone("SRV-SWAP", 1), "every worker serves version 1")
    serve(registry, "SRV-SWAP", -ECHO)
    until(lambda: server.everyone("SRV-SWAP", 2), "every worker serves version 2")
    registry.point("SRV-SWAP", "champion", 1)
    until(lambda: server.everyone("SRV-SWAP", 1), "every worker serves version 1 again")
    registry.point("SRV-SWAP", "challenger", 1)
    registry.point("SRV-SWAP", "champion", None)

    def challenger() -> bool:
        # One answer: the next may be of a worker that has not looked yet.
        answer = server.batch("SRV-SWAP")
        return (answer.model_alias, answer.skill) == ("challenger", "none")

    until(challenger, "it is the challenger, and not proven")


@pytest.mark.thorough
def test_the_last_good_models_are_served_while_the_registry_is_away(
    registry: Registry, mlflow: Mlflow, server: Server
):
    serve(registry, "SRV-AWAY", ECHO)
    until(lambda: server.everyone("SRV-AWAY", 1), "every worker serves version 1")
    mlflow.stop()
    try:
        until(lambda: server.metric(names.REGISTRY_UP) == 0, "the metric says that the registry is away", 60)
        assert server.everyone("SRV-AWAY", 1)
        # A worker that dies now is replaced by one that finds the models in the copy.
        before = server.workers()
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        until(
            lambda: victim not in server.workers() and len(server.workers()) == 2 and server.ready(),
            "the worker was replaced",
            START_SECONDS,
        )
        for _ in range(40):
            assert server.batch("SRV-AWAY").model_version == 1
    finally:
        mlflow.start()
    until(lambda: server.metric(names.REGISTRY_UP) == 1, "the registry is back", START_SECONDS)


def test_the_store_away_refuses_symbols_and_nothing_else(
    database: MigratedDatabase, registry: Registry, server: Server
):
    serve(registry, "SRV-DB", ECHO)
    add_prices(database, "SRV-DB", PRICES, start=START)
    until(lambda: server.everyone("SRV-DB", 1), "every worker serves version 1")
    assert server.by_symbol("SRV-DB").model_version == 1
    with away(database):
        request = urllib.request.Request(f"{server.url}/predict?symbol=SRV-DB")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        assert refused.value.code == 503
        assert int(refused.value.headers["Retry-After"]) >= 1
        assert server.batch("SRV-DB").model_version == 1
        assert server.ready()
    until(lambda: server.get("/predict?symbol=SRV-DB")[0] == 200, "the store is back", 60)


@pytest.mark.thorough
def test_a_cache_answers_for_a_store_that_is_away_and_says_so(
    database: MigratedDatabase, registry: Registry, mlflow: Mlflow, redis: Redis, tmp_path: Path
):
    serve(registry, "SRV-CACHE", ECHO)
    days = add_prices(database, "SRV-CACHE", PRICES, start=START)
    add_prices(database, "SRV-UNASKED", PRICES, start=START)
    server = Server(database, mlflow, tmp_path, redis)
    try:
        until(lambda: server.everyone("SRV-CACHE", 1), "every worker serves version 1")
        fresh = server.by_symbol("SRV-CACHE")
        assert (fresh.stale, fresh.event_time) == (False, days[-1])
        with away(database):
            kept = server.by_symbol("SRV-CACHE")
            assert (kept.stale, kept.event_time, kept.prediction) == (True, days[-1], fresh.prediction)
            # What nobody has asked for, and the past, are not known to the cache.
            assert server.get("/predict?symbol=SRV-UNASKED")[0] == 503
            assert server.get(f"/predict?symbol=SRV-CACHE&as_of={days[-1]:%Y-%m-%dT%H:%M:%SZ}")[0] == 503
            assert server.metric(names.STALE_ANSWERS) >= 1
            redis.stop()
            assert server.get("/predict?symbol=SRV-CACHE")[0] == 503
        until(lambda: server.get("/predict?symbol=SRV-CACHE")[0] == 200, "the store is back", 60)
        assert not server.by_symbol("SRV-CACHE").stale
        server.process.send(signal.SIGTERM)
        assert server.process.wait(30) == 0, server.process.tail()
    finally:
        server.process.stop()
        if not redis.process.running():
            redis.start()


@contextmanager
def away(database: MigratedDatabase) -> Iterator[None]:
    """The database takes no connection and has none."""
    with database.server.connect() as connection:
        connection.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database.name,)
        )
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true".encode())


def test_metrics_are_summed_over_the_workers(registry: Registry, server: Server):
    serve(registry, "SRV-SUM", ECHO)
    until(lambda: server.everyone("SRV-SUM", 1), "every worker serves version 1")
    count = f"{names.REQUEST_SECONDS}_count"
    before = server.metric(count, endpoint="/predict", code="200")
    for _ in range(30):
        server.batch("SRV-SUM")
    assert server.metric(count, endpoint="/predict", code="200") == before + 30
    assert server.get("/predict", b"{")[0] == 400
    assert server.metric(names.REQUESTS_REFUSED, reason="invalid") == 1
    assert server.metric(names.MODEL_VERSION, symbol="SRV-SUM", alias="champion") == 1
    assert server.metric(names.MODEL_VERSION, symbol="SRV-SUM", alias="challenger") == 0
    assert server.metric(names.MODEL_SKILL, symbol="SRV-SUM", provenance="synthetic") == 0.1


def test_the_v2_protocol_answers_over_http(registry: Registry, server: Server):
    serve(registry, "SRV-V2", ECHO)
    until(lambda: server.everyone("SRV-V2", 1), "every worker serves version 1")
    path = f"/v2/models/{model_name('SRV-V2')}"
    assert server.get(f"{path}/ready")[0] == 200
    sent: dict[str, Any] = {
        "inputs": [{"name": "features", "shape": [1, len(ROW)], "datatype": "FP64", "data": ROW}]
    }
    status, body = server.get(f"{path}/infer", msgspec.json.encode(sent))
    assert status == 200, body
    outputs = {output["name"]: output["data"] for output in msgspec.json.decode(body)["outputs"]}
    assert outputs["predicted_return"][0] == pytest.approx(server.batch("SRV-V2").predicted_return)


def test_a_bad_setting_stops_it_at_once(tmp_path: Path):
    process = Process(
        [sys.executable, "-m", "workloads.model_server"],
        tmp_path / "server.log",
        {
            "POSTGRES_HOST": "",
            "POSTGRES_USER": "x",
            "MLFLOW_TRACKING_URI": "http://x",
            "FEATURE_WINDOWS": "9",
        },
    )
    assert process.wait(60) == 2
    assert "POSTGRES_HOST is not set" in process.tail()
    assert "FEATURE_WINDOWS: '9' cannot be used" in process.tail()
