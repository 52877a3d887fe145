"""A role's password is rotated while programs log in all the time: nobody is refused."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool

from infra import names
from infra.manifests.charts import mlflow
from infra.manifests.resources.external_secrets import Remote, rotating
from tests.rotations import rotate, seeded
from tests.services.servers import Postgres
from tools.wait import until
from workloads.kit import db
from workloads.kit.contracts import env
from workloads.kit.records import Transient
from workloads.kit.settings import PostgresSettings

CLIENTS = 3
LOGINS = 5
"""Log-ins of each client between two steps of a rotation."""


class Cluster:
    """A role at a server, and the files of its pods: each learns of the secret when it is told to."""

    def __init__(self, server: Postgres, directory: Path) -> None:
        self.server = server
        self.role = f"r{secrets.token_hex(4)}"
        self.manager = seeded()
        self.directory = directory
        self._files = rotating(env.POSTGRES_PASSWORD, Remote("secret", names.PASSWORD, "15m"))
        self._administer("CREATE ROLE {role} LOGIN PASSWORD {password}")
        self.pods()

    def operator(self) -> None:
        """The operator gives the role the password of now."""
        self._administer("ALTER ROLE {role} PASSWORD {password}")

    def pods(self) -> None:
        """The kubelet writes what External Secrets copied: all files change at once, by a link's."""
        new = self.directory / secrets.token_hex(4)
        new.mkdir()
        for name, place in self._files.items():
            assert isinstance(place, Remote)
            (new / name).write_text(self.manager.current()[place.property])
            if not (seen := self.directory / name).is_symlink():
                seen.symlink_to(Path("..data") / name)
        (self.directory / "..data_tmp").symlink_to(new.name)
        (self.directory / "..data_tmp").replace(self.directory / "..data")

    @property
    def settings(self) -> PostgresSettings:
        return PostgresSettings(
            postgres_host="127.0.0.1",
            postgres_port=self.server.port,
            postgres_database="postgres",
            postgres_user=self.role,
            postgres_password_file=self.directory / env.POSTGRES_PASSWORD,
        )

    def _administer(self, statement: LiteralString) -> None:
        given = {
            "role": sql.Identifier(self.role),
            "password": sql.Literal(self.manager.current()["password"]),
        }
        with self.server.connect() as connection:
            connection.execute(sql.SQL(statement).format(**given))


@pytest.fixture
def cluster(postgres: Postgres, tmp_path: Path) -> Cluster:
    return Cluster(postgres, tmp_path)


class Clients:
    """Programs that log in anew all the time, by a single connection and through a pool."""

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._over = threading.Event()
        self.done = [0] * CLIENTS
        self.refused: list[BaseException] = []
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def go_on(self) -> None:
        """Until each has logged in some times more."""
        wanted = [n + LOGINS for n in self.done]
        until(
            lambda: bool(self.refused) or all(n >= least for n, least in zip(self.done, wanted, strict=True)),
            "log-ins",
            limit=60,
            every=0.05,
        )

    def _work(self, number: int) -> None:
        while not self._over.is_set():
            try:
                self._ask(pooled=number == 0)
            except BaseException as error:
                self.refused.append(error)
                return
            self.done[number] += 1

    def _ask(self, *, pooled: bool) -> None:
        if not pooled:
            with db.connect(self._settings, application_name="test") as connection:
                connection.execute("SELECT 1")
            return
        given: dict[str, Any] = db.parameters(self._settings, application_name="test")
        given["password_file"] = self._settings.postgres_password_file
        with (
            ConnectionPool(
                connection_class=db.Login, kwargs=given, min_size=1, max_size=1, timeout=30
            ) as pool,
            pool.connection() as connection,
        ):
            connection.execute("SELECT 1")


@pytest.mark.parametrize("order", [("operator", "pods"), ("pods", "operator")])
def test_no_log_in_is_refused_whoever_learns_of_it_first(cluster: Cluster, order: Sequence[str]) -> None:
    with Clients(cluster.settings) as clients:
        clients.go_on()
        for n in range(3):
            rotate(cluster.manager, f"b7f2a1c0-0000-4000-8000-00000000010{n}")
            for step in order:
                getattr(cluster, step)()
                clients.go_on()
    assert clients.refused == []


def test_a_password_that_leaked_is_worth_nothing_after_two_rotations(cluster: Cluster) -> None:
    leaked = cluster.directory / "leaked"
    leaked.mkdir()
    for file in cluster.directory.glob(f"{env.POSTGRES_PASSWORD}*"):
        (leaked / file.name).write_text(file.read_text())
    thief = cluster.settings.model_copy(update={"postgres_password_file": leaked / env.POSTGRES_PASSWORD})
    db.connect(thief, application_name="test").close()
    for n in range(2):
        rotate(cluster.manager, f"b7f2a1c0-0000-4000-8000-00000000020{n}")
        cluster.operator()
    with pytest.raises(Transient, match="password authentication failed"):
        db.connect(thief, application_name="test")


def test_who_is_refused_for_another_reason_does_not_try_on(cluster: Cluster) -> None:
    nowhere = cluster.settings.model_copy(update={"postgres_port": 1})
    with pytest.raises(Transient, match="refused"):
        db.connect(nowhere, application_name="test")


@pytest.fixture
def stale(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of MLflow's pod, as the chart makes it: its password is that of the pod's start."""
    file = cluster.directory / mlflow.SERVICE_FILE
    variables = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(cluster.server.port),
        "PGDATABASE": "postgres",
        "PGUSER": cluster.role,
        "PGPASSWORD": cluster.manager.current()["password"],
        "PGSERVICE": "mlflow",
        "PGSERVICEFILE": str(file),
    }
    for name in os.environ.keys() & {"PGPASSFILE", "PGSSLMODE"}:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return file


def test_mlflow_follows_its_password_without_a_restart(cluster: Cluster, stale: Path) -> None:
    def copied() -> None:
        stale.write_text(mlflow.service_file(cluster.manager.current()["password"]))

    copied()
    psycopg.connect("postgresql://").close()
    rotate(cluster.manager)
    cluster.operator()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect("postgresql://")
    copied()
    psycopg.connect("postgresql://").close()
