"""prediction-consumer as it is deployed: processes, Kafka, PostgreSQL; the model server is a small one."""

from __future__ import annotations

import secrets
import signal
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.fixture_models import ECHO, artifact
from tests.prices import price, walk
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, publish, running
from tests.services.model import ModelServer
from tests.services.servers import Process, free_ports, until
from tools.embedded.mlflow import Mlflow
from workloads.kit.contracts import metrics, topics
from workloads.kit.contracts.messages import INSTANT, Prediction, Price
from workloads.kit.contracts.models import CHAMPION
from workloads.kit.features import WINDOW, features
from workloads.kit.registry import Registry

PACKAGE = "workloads.prediction_consumer"
SYMBOLS = [f"SYN-{name}" for name in "ABCDEFGH"]


@pytest.fixture(autouse=True)
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


class Server:
    """`python -m workloads.model_server` as its container runs it, on one port."""

    def __init__(self, database: MigratedDatabase, mlflow: Mlflow, directory: Path) -> None:
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        self._log = directory / "model-server.log"
        self._env = {
            **database.env("model_server"),
            "MLFLOW_TRACKING_URI": mlflow.uri,
            "PORT": str(port),
            "WORKERS": "1",
            "MODELS_DIR": str(directory / "models"),
            "METRICS_DIR": str(directory / "metrics"),
        }
        self.start()

    def start(self) -> None:
        self._process = Process([sys.executable, "-m", "workloads.model_server"], self._log, self._env)

    def stop(self) -> None:
        """At once, with requests in flight."""
        self._process.stop(signal.SIGQUIT)

    def ready(self) -> bool:
        assert self._process.running(), self._process.tail()
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


@pytest.fixture
def model() -> Iterator[ModelServer]:
    server = ModelServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def live(count: int, *, first: int = 0) -> list[Price]:
    """Prices of all symbols, a second apart and known at once, until now."""
    end = datetime.now(UTC).replace(microsecond=0)
    paths = {symbol: walk(number, first + count) for number, symbol in enumerate(SYMBOLS)}
    return [
        msgspec.structs.replace(
            price(0, float(path[step]), symbol=symbol),
            product="spot",
            delivery_start=(at := end + timedelta(seconds=step - count - first)),
            delivery_end=at,
            resolution=INSTANT,
            published_at=at,
        )
        for step in range(first, first + count)
        for symbol, path in paths.items()
    ]


def made(kafka: KafkaClient) -> list[Prediction]:
    return [msgspec.json.decode(r.raw, type=Prediction) for r in kafka.read(topics.ML_PREDICTIONS)]


def of_price(one: Price) -> tuple[Any, ...]:
    return one.source, one.symbol, one.delivery_start, one.published_at


def identity(one: Prediction) -> tuple[Any, ...]:
    return one.source, one.symbol, one.event_time, one.price_available_time


def assert_each_once(kafka: KafkaClient, database: MigratedDatabase, prices: list[Price]) -> None:
    """0 lost and 0 doubled, on the topic and in the table, which hold the same."""
    counts = Counter(map(identity, predictions := made(kafka)))
    assert {at: count for at, count in counts.items() if count > 1} == {}
    assert set(counts) == set(map(of_price, prices))
    columns = ", ".join(Prediction.__struct_fields__)
    stored = set(database.query(f"SELECT {columns} FROM ml_predictions"))
    assert stored == set(map(msgspec.structs.astuple, predictions))


@pytest.mark.thorough
def test_kills_and_a_model_server_that_goes_away_lose_and_double_nothing(
    kafka: KafkaClient, database: MigratedDatabase, model: ModelServer, tmp_path: Path
) -> None:
    prices = live(1500)
    publish(kafka, prices)
    often = {"MODEL_SERVER_URL": model.url, "BATCH_MAX_RECORDS": "20", "STATE_RECORDS": "1"}
    with running(PACKAGE, kafka, database, tmp_path, replicas=3, **often) as group:
        group.kill_often(3, seed=2)
        before = group.lag()
        assert before > 0, "nothing was in flight: the model server's end met nothing"
        model.stop()
        until(lambda: any(r.metric(metrics.CONSUMER_PAUSED) for r in group.replicas), "one is held back")
        model.start()
        until(lambda: group.lag() < before, "the group goes on", 60)
        group.kill_often(3, seed=3)
        group.finish()
    assert_each_once(kafka, database, prices)
    assert kafka.read(topics.dead_letter(topics.COMMODITY_PRICES)) == []


@pytest.mark.thorough
def test_the_real_model_server_gives_the_champions_predictions_through_an_outage(
    kafka: KafkaClient, database: MigratedDatabase, mlflow: Mlflow, tmp_path: Path
) -> None:
    prices = live(600)
    champion = f"SYN-{secrets.token_hex(3)}"
    prices = [
        msgspec.structs.replace(one, symbol=champion) if one.symbol == SYMBOLS[0] else one for one in prices
    ]
    registry = Registry(mlflow.uri)
    version = registry.register(artifact(champion), {}, {})
    registry.point(champion, CHAMPION, version)
    server = Server(database, mlflow, tmp_path)
    try:
        until(server.ready, "the model server is ready", 90)
        publish(kafka, prices)
        with running(
            PACKAGE, kafka, database, tmp_path, MODEL_SERVER_URL=server.url, BATCH_MAX_RECORDS="20"
        ) as group:
            [replica] = group.replicas
            until(lambda: 0 < group.lag() < len(prices), "some are predicted", 60, every=0.01)
            server.stop()
            assert group.lag() > 0, "nothing was in flight: the outage met nothing"
            until(lambda: replica.metric(metrics.CONSUMER_PAUSED) == 1, "the consumer is held back")
            server.start()
            group.finish()
    finally:
        server.stop()
    assert_each_once(kafka, database, prices)
    ours = [one for one in made(kafka) if one.symbol == champion]
    assert [(one.model_alias, one.model_version, one.skill) for one in ours] == [
        ("naive", 0, "none") if at < WINDOW - 1 else ("champion", version, "proven")
        for at in range(len(ours))
    ]
    row = features(np.array([one.price for one in prices if one.symbol == champion]))[-1]
    assert ours[-1].predicted_return == pytest.approx(ECHO * row[0], rel=1e-5)
    assert ours[-1].lower < ours[-1].prediction < ours[-1].upper


def test_features_are_whole_right_after_a_restart_and_are_those_of_training(
    kafka: KafkaClient, database: MigratedDatabase, model: ModelServer, tmp_path: Path
) -> None:
    prices = live(WINDOW + 5)
    earlier, later = prices[: (WINDOW - 1) * len(SYMBOLS)], prices[(WINDOW - 1) * len(SYMBOLS) :]
    often = {"MODEL_SERVER_URL": model.url, "STATE_RECORDS": "1"}
    with running(PACKAGE, kafka, database, tmp_path, replicas=1, **often) as group:
        publish(kafka, earlier)
        group.finish()
        group.replicas[0].kill()
        publish(kafka, later)
        group.finish()
    assert_each_once(kafka, database, prices)
    predictions = {identity(one): one for one in made(kafka)}
    assert {predictions[of_price(one)].model_alias for one in earlier} == {"naive"}
    for symbol in SYMBOLS:
        mine = [one for one in prices if one.symbol == symbol]
        rows = features(np.array([one.price for one in mine]))
        returns = [predictions[of_price(one)].predicted_return for one in mine[WINDOW - 1 :]]
        assert returns == rows[WINDOW - 1 :, 0].tolist()


@pytest.mark.parametrize("away", ["stopped", "overloaded"])
def test_a_model_server_that_is_away_holds_the_consumer_back_and_it_goes_on_by_itself(
    kafka: KafkaClient, database: MigratedDatabase, model: ModelServer, tmp_path: Path, away: str
) -> None:
    prices = live(50)
    with running(PACKAGE, kafka, database, tmp_path, MODEL_SERVER_URL=model.url) as group:
        [replica] = group.replicas
        until(replica.ready, "the consumer is ready", 60)
        if away == "stopped":
            model.stop()
        else:
            model.overloaded = True
        publish(kafka, prices)
        until(lambda: replica.metric(metrics.CONSUMER_PAUSED) == 1, "the consumer is held back")
        assert replica.ready()
        assert made(kafka) == []
        if away == "stopped":
            model.start()
        model.overloaded = False
        group.finish()
        assert replica.metric(metrics.CONSUMER_PAUSED) == 0
        assert replica.metric(metrics.PREDICTIONS) == len(prices)
    assert_each_once(kafka, database, prices)


def test_a_price_that_the_server_refuses_is_dead_lettered_with_its_words(
    kafka: KafkaClient, database: MigratedDatabase, model: ModelServer, tmp_path: Path
) -> None:
    prices = live(50)
    bad = prices[123]
    model.refused_price = bad.price
    publish(kafka, prices)
    with running(PACKAGE, kafka, database, tmp_path, MODEL_SERVER_URL=model.url) as group:
        group.finish()
    assert_each_once(kafka, database, [one for one in prices if one is not bad])
    [dead] = kafka.read(topics.dead_letter(topics.COMMODITY_PRICES))
    assert msgspec.json.decode(dead.raw, type=Price) == bad
    assert b"price: no such price" in dict(dead.headers)["reason"]


def test_history_is_not_predicted_but_a_live_price_after_it_has_its_features(
    kafka: KafkaClient, database: MigratedDatabase, model: ModelServer, tmp_path: Path
) -> None:
    history = [price(day, float(value)) for day, value in enumerate(walk(5, WINDOW))]
    now = datetime.now(UTC)
    fresh = msgspec.structs.replace(
        price(0, 60.0), delivery_start=now, delivery_end=now + timedelta(days=1), published_at=now
    )
    publish(kafka, history)
    with running(PACKAGE, kafka, database, tmp_path, MODEL_SERVER_URL=model.url) as group:
        group.finish()
        assert model.answered == 0
        publish(kafka, [fresh])
        group.finish()
    assert_each_once(kafka, database, [fresh])
    assert [one.model_alias for one in made(kafka)] == ["challenger"]
