"""One night of training shared by several pods, on a real registry and database: each is a process here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fixture_models import echoing
from tests.prices import walk
from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_prices
from tools import paths
from tools.embedded.mlflow import Mlflow
from tools.wait import until
from workloads.kit import db
from workloads.kit.registry import Registry, RegistryError
from workloads.model_training import candidate, shards
from workloads.model_training.settings import TrainingSettings
from workloads.model_training.shards import ShardSettings

START = datetime(2015, 1, 1, tzinfo=UTC)
SKILLED = [f"SYN-S{number}" for number in range(4)]
OTHERS = [f"SYN-W{number}" for number in range(4)]


@pytest.fixture
def registry(mlflow: Mlflow) -> Registry:
    return Registry(mlflow.uri)


class Job:
    """An indexed job: what Kubernetes tells each of its pods."""

    def __init__(self, database: MigratedDatabase, mlflow: Mlflow, name: str, shards: int) -> None:
        self._environment = {
            **os.environ,
            **database.env("model_training"),
            "MLFLOW_TRACKING_URI": mlflow.uri,
            "CODE_VERSION": name,
            "TREES": "10",
            "FOLDS": "2",
            "FIT_JOBS": "1",
            "TRAINING_SHARDS": str(shards),
        }
        self._name = name

    def start(self, index: int, word: str = "abcde") -> subprocess.Popen[str]:
        told = {"JOB_COMPLETION_INDEX": str(index), "POD_NAME": f"{self._name}-{index}-{word}"}
        return subprocess.Popen(
            [sys.executable, "-m", "workloads.model_training", "train"],
            cwd=paths.ROOT,
            env=self._environment | told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, indexes: Sequence[int]) -> None:
        pods = [self.start(index) for index in indexes]
        for pod in pods:
            said, _ = pod.communicate(timeout=300)
            assert pod.returncode == 0, said


@pytest.fixture
def prices(database: MigratedDatabase, registry: Registry) -> MigratedDatabase:
    """Four series that can be predicted and four that cannot, none of which has a model that is named."""
    for symbol, named in registry.aliases().items():
        for name in named:
            registry.point(symbol, name, None)
    for seed, symbol in enumerate(SKILLED):
        add_prices(database, symbol, echoing(seed, 1000), start=START)
    for seed, symbol in enumerate(OTHERS):
        add_prices(database, symbol, walk(seed, 1000), start=START)
    return database


def night(database: MigratedDatabase) -> tuple[str, dict[str, Any]]:
    """Status and detail of the newest run; there is one row a run, however many share it."""
    ((status, detail),) = database.query(
        "SELECT status, detail FROM job_runs WHERE job = 'model-training' ORDER BY started_at DESC LIMIT 1"
    )
    assert isinstance(status, str)
    assert isinstance(detail, dict)
    return status, detail


def test_two_pods_share_a_night_as_one_would_have_had_it(
    prices: MigratedDatabase, mlflow: Mlflow, registry: Registry
):
    Job(prices, mlflow, "whole", 1).run([0])
    alone = night(prices)[1]["symbols"]
    assert [alone[symbol]["decision"] for symbol in SKILLED] == ["promoted"] * 4
    assert [alone[symbol]["decision"] for symbol in OTHERS] == ["challenger"] * 4
    for symbol, named in registry.aliases().items():
        for name in named:
            registry.point(symbol, name, None)
    shared = Job(prices, mlflow, "shared", 2)
    shared.run([0, 1])
    status, detail = night(prices)
    assert (status, set(detail["shards"])) == ("succeeded", {"0", "1"})
    assert sum(shard["symbols"] for shard in detail["shards"].values()) == 8
    assert all(shard["symbols"] > 0 for shard in detail["shards"].values())
    decisions = {symbol: one["decision"] for symbol, one in detail["symbols"].items()}
    assert decisions == {symbol: one["decision"] for symbol, one in alone.items()}
    assert all("over 8 symbols" in detail["symbols"][symbol]["reason"] for symbol in SKILLED)
    assert all(set(registry.named(symbol)) == {"champion"} for symbol in SKILLED)
    assert prices.query("SELECT count(*) FROM job_runs") == [(2,)]


def test_a_shard_that_was_killed_is_tried_again_and_loses_nothing(
    prices: MigratedDatabase, mlflow: Mlflow, registry: Registry
):
    job = Job(prices, mlflow, "killed", 2)
    first = job.start(0)
    job.run([1])
    status, detail = night(prices)
    assert set(detail["shards"]) <= {"0", "1"}
    if "0" not in detail["shards"]:
        assert status == "running"
        # Killed once it has something to lose: a model that passed and is not decided yet.
        until(
            lambda: set(night(prices)[1]["passed"]) - set(night(prices)[1]["symbols"]), "a model", limit=120
        )
        first.send_signal(signal.SIGKILL)
    first.wait(120)

    job.run([0])
    status, detail = night(prices)
    assert (status, set(detail["shards"])) == ("succeeded", {"0", "1"})
    assert {detail["symbols"][symbol]["decision"] for symbol in SKILLED} == {"promoted"}, detail["symbols"]
    assert all(set(registry.named(symbol)) == {"champion"} for symbol in SKILLED)
    assert prices.query("SELECT count(*) FROM model_events WHERE event = 'promoted'") == [(4,)]


def test_what_stands_out_once_another_shard_is_known_to_pass_is_promoted_by_that_one(
    database: MigratedDatabase, mlflow: Mlflow, registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    """0.03 is too much for one of two symbols; beside another with 0.04 both are within 5 %."""
    make, chances = candidate.make, {"SYN-RISE-A": 0.03, "SYN-RISE-B": 0.04}

    def of_chance(symbol: str, *given: Any) -> Any:
        return replace(make(symbol, *given), p_value=chances[symbol])

    monkeypatch.setattr(candidate, "make", of_chance)
    for seed, symbol in enumerate(chances):
        add_prices(database, symbol, echoing(seed, 1000), start=START)
    settings = TrainingSettings(
        **dict(database.settings("model_training")),
        mlflow_tracking_uri=mlflow.uri,
        trees=5,
        folds=2,
        fit_jobs=1,
    )

    def shard(index: int) -> dict[str, int]:
        """The first symbol's names in the registry once this shard is done."""
        told = ShardSettings(training_shards=2, job_completion_index=index, pod_name=f"rise-{index}-x")
        with db.connect(settings, application_name="test") as conn:
            shards.train(conn, registry, settings, told, "model-training")
        return registry.named("SYN-RISE-A")

    assert shard(0) == {"challenger": 1}
    assert night(database)[0] == "running"
    assert shard(1) == {"champion": 1}
    assert registry.named("SYN-RISE-B") == {"champion": 1}
    status, detail = night(database)
    assert status == "succeeded"
    assert {one["decision"] for one in detail["symbols"].values()} == {"promoted"}

    # Tried again though it was done, with a symbol that is new since: nothing moves or is forgotten.
    add_prices(database, "SYN-RISE-0", echoing(2, 1000), start=START)
    shard(0)
    assert night(database)[0] == "succeeded"
    again = night(database)[1]
    assert (again["names"], again["symbols"]) == (detail["names"], detail["symbols"])
    assert database.query("SELECT count(*) FROM model_events WHERE event = 'promoted'") == [(2,)]


def test_a_symbol_that_fails_fails_its_shard_alone_and_the_run(
    database: MigratedDatabase, mlflow: Mlflow, registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    make = candidate.make

    def failing(symbol: str, *given: Any) -> Any:
        if symbol == "SYN-FAIL-A":
            raise MemoryError("too much")
        return make(symbol, *given)

    monkeypatch.setattr(candidate, "make", failing)
    for seed, symbol in enumerate(("SYN-FAIL-A", "SYN-FAIL-B")):
        add_prices(database, symbol, echoing(seed, 1000), start=START)
    settings = TrainingSettings(
        **dict(database.settings("model_training")),
        mlflow_tracking_uri=mlflow.uri,
        trees=5,
        folds=2,
        fit_jobs=1,
    )

    def shard(index: int) -> str:
        told = ShardSettings(training_shards=2, job_completion_index=index, pod_name=f"fail-{index}-x")
        with db.connect(settings, application_name="test") as conn:
            shards.train(conn, registry, settings, told, "model-training")
        return night(database)[0]

    assert [shard(1), shard(0)] == ["running", "failed"]
    assert registry.named("SYN-FAIL-B") == {"champion": 1}
    monkeypatch.setattr(candidate, "make", make)
    assert shard(0) == "succeeded"
    assert registry.named("SYN-FAIL-A") == {"champion": 1}


def test_a_run_has_failed_from_when_a_shard_does_until_another_try_of_it_ends_well(
    database: MigratedDatabase, mlflow: Mlflow, registry: Registry
):
    settings = TrainingSettings(
        **dict(database.settings("model_training")), mlflow_tracking_uri=mlflow.uri, trees=5
    )
    away = Registry("http://127.0.0.1:9", timeout=1, retries=0)

    def shard(index: int, models: Registry, word: str = "x") -> tuple[str, dict[str, Any]]:
        told = ShardSettings(training_shards=2, job_completion_index=index, pod_name=f"away-{index}-{word}")
        with db.connect(settings, application_name="test") as conn:
            shards.train(conn, models, settings, told, "model-training")
        return night(database)

    with pytest.raises(RegistryError):
        shard(0, away)
    status, detail = night(database)
    assert status == "failed"
    assert "could not read the registered models" in detail["shards"]["0"]["error"]
    assert database.query("SELECT count(*) FROM job_runs WHERE finished_at >= started_at") == [(1,)]
    assert shard(1, registry)[0] == "failed"
    status, detail = shard(0, registry, "again")
    assert status == "succeeded"
    assert not any("error" in one for one in detail["shards"].values())
    # A pod that was done and is made again takes nothing back.
    with pytest.raises(RegistryError):
        shard(0, away, "more")
    assert night(database) == (status, detail)


def test_a_shard_that_is_told_to_end_says_so(prices: MigratedDatabase, mlflow: Mlflow):
    """As at the job's deadline, or as its node goes away."""
    pod = Job(prices, mlflow, "ended", 2).start(0)
    until(lambda: prices.query("SELECT 1 FROM job_runs") == [(1,)], "the run to begin", limit=120)
    pod.terminate()
    said, _ = pod.communicate(timeout=60)
    assert pod.returncode == 1
    assert "ended by SIGTERM" in said
    status, detail = night(prices)
    assert status == "failed"
    assert "ended by SIGTERM" in detail["shards"]["0"]["error"]


def test_a_pod_that_is_none_of_the_shards_is_told_so(prices: MigratedDatabase, mlflow: Mlflow):
    pod = Job(prices, mlflow, "wrong", 2).start(2)
    said, _ = pod.communicate(timeout=60)
    assert pod.returncode == 2
    assert "JOB_COMPLETION_INDEX 2 is none of 2 shards" in said
    assert prices.query("SELECT count(*) FROM job_runs") == [(0,)]
