"""From nothing to predictions: servers first, then each workload as soon as what it needs is there."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import structlog

from tools import pilots, screen
from tools.console import Step, console, step
from tools.embedded.kafka import Kafka
from tools.embedded.mlflow import Mlflow
from tools.embedded.postgres import QUICK_WRITES, Postgres
from tools.embedded.process import Process, http_ok
from tools.embedded.redis import Redis
from tools.errors import ToolError
from tools.tryout import prerequisites
from tools.tryout.stand import Stand
from tools.tryout.table import (
    ANALYTICS,
    API,
    INDICATOR_QUALITY,
    INDICATORS,
    INTEGRATION,
    PIPELINE,
    PREDICTION,
    QUALITY,
    REPLAY,
    SERVER,
    TRAINING,
    Workload,
)
from workloads.kit.contracts import tables

_STEPS = 8
_LIMIT = 900.0

_SUCCEEDED = f"select 1 from {tables.SCHEMA}.{tables.JOB_RUNS} where status = 'succeeded' and job = "
_PREDICTED = f"select 1 from {tables.SCHEMA}.{tables.ML_PREDICTIONS} where model_alias <> 'naive' limit 1"


class BringUp:
    """One bringing-up; `run` does it.

    Args:
        theirs: the workload that the person runs.
    """

    def __init__(self, stand: Stand, theirs: Workload | None) -> None:
        self._stand = stand
        self._theirs = theirs
        self._done = 0
        self._started: dict[Workload, Process] = {}
        self._mlflow: Mlflow | None = None

    def run(self) -> dict[Workload, Process]:
        """Return when it predicts: the workloads that run on.

        Raises:
            ToolError: something did not come up; carries its log.
        """
        # The migrations' own lines would stand between the steps.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
        stand = self._stand
        with self._step("Kafka's jars, PostgreSQL, Redis and real prices") as at:
            at.note(
                f"fetched: {', '.join(found)}" if (found := prerequisites.fetch(stand)) else "in the cache"
            )
            stand.write_sources()
        with self._step("Kafka, PostgreSQL and Redis"):
            _together(self._kafka, self._postgres, self._redis)
        with self._step("price-pipeline publishes history, analytics-consumer makes features"):
            self._start(ANALYTICS)
            self._start(PIPELINE)
            self._finish(PIPELINE)
            self._until(ANALYTICS, self._caught_up, "the feature store catches up")
        with self._step("MLflow"):
            assert self._mlflow is not None
            self._mlflow.wait()
        with self._step(TRAINING.name):
            # It takes as long to come up as training takes.
            self._start(SERVER)
            self._start(API)
            self._start(INTEGRATION)
            self._start(TRAINING)
            self._finish(TRAINING)
        with self._step("model-server, data-api and api-integration"):
            for workload in (SERVER, API, INTEGRATION):
                ready = f"{stand.url(workload.name)}/readyz"
                self._until(workload, lambda ready=ready: http_ok(ready), "it answers")
        last = (INDICATORS, QUALITY, INDICATOR_QUALITY, PREDICTION, REPLAY)
        with self._step("indicator-consumer, data-quality, prediction-consumer and price-replay"):
            for workload in last:
                self._start(workload)
            for workload in last:
                ready = f"{stand.url(workload.name)}/readyz"
                self._until(workload, lambda ready=ready: http_ok(ready), "it is ready")
        with self._step("first prediction"):
            self._until(PREDICTION, lambda: bool(stand.query(_PREDICTED)), "a prediction")
        return {workload: process for workload, process in self._started.items() if not workload.job}

    def _kafka(self) -> None:
        from workloads.migrations import topics
        from workloads.migrations.settings import TopicSettings

        stand = self._stand
        ports = (stand.port("kafka"), stand.port("kafka-controller"))
        kafka = Kafka(stand.dir / "kafka", ports=ports, launch=stand.process)
        topics.reconcile(
            TopicSettings(kafka_bootstrap=kafka.bootstrap, topic_replication=1, topic_min_insync=1)
        )

    def _postgres(self) -> None:
        from workloads.migrations import database
        from workloads.migrations.settings import DatabaseSettings

        stand = self._stand
        for name in ("postgres", "mlflow"):
            (stand.dir / name).mkdir()
        parameters = {**QUICK_WRITES, "max_connections": 100, "jit": "off"}
        server = Postgres(
            stand.dir / "postgres", parameters, port=stand.port("postgres"), launch=stand.process
        )
        stand.write_passfile(server.password_file.read_text(encoding="utf-8"))
        database.upgrade(
            DatabaseSettings(
                postgres_host="127.0.0.1",
                postgres_port=server.port,
                postgres_user="postgres",
                postgres_password_file=server.password_file,
                secrets_dir=stand.dir / "secrets",
                entitlements=pilots.entitlements(),
            )
        )
        self._pilots_key(server)
        # It takes longest of all to answer.
        self._mlflow = Mlflow(
            stand.dir / "mlflow",
            server.port,
            stand.password("mlflow"),
            port=stand.port("mlflow"),
            launch=stand.process,
            wait=False,
        )

    def _pilots_key(self, server: Postgres) -> None:
        from workloads.data_api import manage_keys
        from workloads.kit import db
        from workloads.kit.settings import PostgresSettings

        role = API.role or ""
        given = PostgresSettings(
            postgres_host="127.0.0.1",
            postgres_port=server.port,
            postgres_user=role,
            postgres_password_file=self._stand.dir / "secrets" / role,
        )
        with db.connect(given, application_name=API.name) as connection:
            # The broker may not be up yet: the table is the record.
            pilots.made(partial(manage_keys.create, connection, lambda _: None), self._stand.dir)

    def _redis(self) -> None:
        directory = self._stand.dir / "redis"
        directory.mkdir()
        Redis(directory, port=self._stand.port("redis"), launch=self._stand.process)

    def _caught_up(self) -> bool:
        return bool(self._stand.query(screen.CAUGHT_UP)[0]["ok"])

    def _start(self, workload: Workload) -> None:
        if workload is self._theirs:
            self._ask(workload)
        else:
            self._started[workload] = self._stand.start(workload)

    def _ask(self, workload: Workload) -> None:
        command = " ".join((".venv/bin/python", *workload.argv))
        console.print(
            f"\n[bold]{workload.name} is yours to run[/], as often as you like, in another terminal here:\n"
            f'  eval "$(cat {shlex.quote(str(self._stand.exports(workload)))})"\n  {command}\n',
            soft_wrap=True,
        )

    def _finish(self, job: Workload) -> None:
        """Wait for a job's good end."""
        if job is self._theirs:
            self._until(job, lambda: bool(self._stand.query(f"{_SUCCEEDED}'{job.name}'")), "its good end")
        else:
            self._started[job].done(job.name, _LIMIT)

    def _until(self, workload: Workload, condition: Callable[[], bool], what: str) -> None:
        """Wait for what a workload does; for as long as it takes where the person runs it."""
        if workload is self._theirs:
            pause = threading.Event()
            while not condition():
                pause.wait(0.5)
        else:
            self._started[workload].until(condition, f"{workload.name}: {what}", _LIMIT, every=0.2)

    @contextmanager
    def _step(self, title: str) -> Iterator[Step]:
        self._done += 1
        with step(f"{self._done} of {_STEPS}  {title}") as at:
            yield at


def _together(*parts: Callable[[], None]) -> None:
    """Run functions side by side; the first error once one has failed or all are done."""
    errors: list[Exception] = []
    failed = threading.Event()

    def run(part: Callable[[], None]) -> None:
        try:
            part()
        except Exception as error:
            errors.append(error)
            failed.set()

    # Not waited for when this is interrupted: what they wait for is being ended then.
    threads = [threading.Thread(target=run, args=(part,), daemon=True) for part in parts]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not failed.wait(0.1):
        pass
    if errors:
        raise errors[0] if isinstance(errors[0], ToolError) else ToolError(str(errors[0])) from errors[0]
