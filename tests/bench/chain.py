"""The platform as processes of this machine: real and synthetic prices in its tables, a registry, models.

Each workload is run as its image runs it, with the environment that infra gives it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.bench.rig import Rig
from tests.services.consumers import running
from tests.services.servers import Process, until
from tools import market, paths
from tools.console import step
from tools.embedded.mlflow import Mlflow
from workloads.kit.contracts import env
from workloads.kit.contracts.messages import PROVENANCES

_LIMIT = 900.0


class Training(msgspec.Struct, frozen=True):
    """One run of model-training: seconds from start to exit, within its fits, and within the job itself."""

    wall: float
    fits: float
    job: float
    symbols: int


@dataclass
class Chain:
    """What stands: the registry, and prices in the tables. `train` fills the registry."""

    rig: Rig
    registry: str
    has_models: bool = False

    def environment(self, role: str) -> dict[str, str]:
        """The environment of a workload."""
        return {
            env.KAFKA_BOOTSTRAP: self.rig.kafka.bootstrap,
            env.MLFLOW_TRACKING_URI: self.registry,
            env.LOG_LEVEL: "WARNING",
            **self.rig.database.env(role),
        }

    def train(self, version: str) -> Training:
        """Train every symbol's model anew, as of another code version."""
        started = time.perf_counter()
        given = {**self.environment("model_training"), env.CODE_VERSION: version}
        only = ["--symbols", "SYN-POWER-DE"] if self.rig.quick else []
        said = run_workload(self.rig, "model_training", ["train", *only], given)
        wall = time.perf_counter() - started
        found = re.search(r"^(\d+) symbols in ([\d.]+) s, of which ([\d.]+) s were fits$", said, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"model-training did not say how long it took: {said[-500:]}")
        self.has_models = True
        return Training(wall, float(found[3]), float(found[2]), int(found[1]))

    def share(self, version: str, pods: int) -> float:
        """Train every symbol's model anew by as many pods of one core each; seconds until the last ended."""
        given = {
            **self.environment("model_training"),
            env.CODE_VERSION: version,
            env.TRAINING_SHARDS: str(pods),
            "FIT_JOBS": "1",
        }

        def pod(index: int) -> None:
            told = {"JOB_COMPLETION_INDEX": str(index), env.POD_NAME: f"{version}-{index}-bench"}
            run_workload(self.rig, "model_training", ["train"], given | told)

        started = time.perf_counter()
        with ThreadPoolExecutor(pods) as pool:
            list(pool.map(pod, range(pods)))
        return time.perf_counter() - started


def start(rig: Rig) -> Chain:
    """Prices into the tables by the pipeline and the consumer, and an empty registry."""
    with step("MLflow"):
        registry = rig.enter(_registry(rig))
    chain = Chain(rig, registry)
    sources = rig.directory / "sources.yaml"
    market.sources(sources)
    with step("Prices into the tables"):
        run_workload(
            rig,
            "price_pipeline",
            ["run"],
            chain.environment("price_pipeline")
            | {env.SOURCES_FILE: str(sources), env.PROVENANCE: ",".join(PROVENANCES)},
        )
        directory = rig.new_directory("history")
        with running("workloads.analytics_consumer", rig.kafka, rig.database, directory) as group:
            group.finish(300)
    return chain


def with_models(rig: Rig) -> Chain:
    """The chain with a model of every symbol, trained unless an earlier part did it."""
    chain = rig.once(start)
    if not chain.has_models:
        with step("Models"):
            chain.train("bench")
    return chain


def run_workload(rig: Rig, package: str, arguments: Sequence[str], given: Mapping[str, str]) -> str:
    """Run a workload to its end; its stdout.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"workloads.{package}", *arguments],
        cwd=paths.ROOT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{package} exited with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
    return done.stdout


@contextmanager
def http_server(
    command: Sequence[str], log: Path, given: Mapping[str, str], port: int, ready: str | None
) -> Iterator[str]:
    """A server, ended with its whole process group; yields its address once it answers `ready` with 200, or
    takes connections."""
    url = f"http://127.0.0.1:{port}"
    # A group of its own: servers such as MLflow start processes that outlive them.
    process = Process(["setsid", *command], log, dict(given))

    def answers() -> bool:
        if not process.running():
            raise RuntimeError(f"{log.stem} ended: {process.tail(8)}")
        try:
            if ready is None:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return True
            with urllib.request.urlopen(url + ready, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        until(answers, f"{log.stem} answers", 240, every=0.2)
        yield url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.stop()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _registry(rig: Rig) -> Iterator[str]:
    password = (rig.database.secrets_dir / "mlflow").read_text()
    server = Mlflow(rig.new_directory("mlflow"), rig.database.server.port, password)
    try:
        yield server.uri
    finally:
        server.stop()
