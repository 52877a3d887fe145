"""One run: its directory, its ports, how its processes are started and what a workload is told."""

from __future__ import annotations

import json
import secrets
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg

from tools import charting, graphiql, market, paths
from tools.cluster.instance import is_free
from tools.embedded.process import Argument, Process
from tools.errors import MissingPrerequisite, ToolError
from tools.screen import as_json
from tools.tryout import records
from tools.tryout.table import WORKLOADS, Workload
from workloads.kit.contracts import env as names
from workloads.kit.contracts import tables
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.services import KAFKA, MLFLOW, POSTGRES, REDIS
from workloads.kit.contracts.messages import PROVENANCES
from workloads.kit.contracts.platform import DECLARED, ROLES

_FIRST_PORT, _LAST_PORT = 29_400, 30_399
"""Below the blocks of `make up`."""
_SERVERS = ("kafka", "kafka-controller", "postgres", "redis", "mlflow")
_NAMES = (*_SERVERS, *(workload.name for workload in WORKLOADS))
BLOCK = 24
"""Ports of a run."""

_ASKED: Mapping[str, signal.Signals] = {
    # Its data goes with it, so nothing is won by a controlled shutdown.
    "kafka": signal.SIGKILL,
    # The fast shutdown: sessions are not waited for.
    "postgres": signal.SIGINT,
    # So that they end what they started.
    **{f"fetch-{what}": signal.SIGINT for what in ("kafka", "programs", "market")},
}


class Stand:
    """What a run has on this machine, whoever began it."""

    def __init__(self, directory: Path) -> None:
        self.dir = directory
        self.logs = directory / "logs"
        self._run = directory / "run"
        self._lock = Lock()
        self._closing = False
        self._block: socket.socket | None = None
        self._base = 0

    @classmethod
    def named(cls) -> Stand:
        """That of `$INSTANCE`; beside the instance's own state, since a dot is in no instance's name."""
        return cls(paths.state_root() / f"{paths.instance()}.try")

    # What is there.

    @property
    def supervisor(self) -> records.Recorded | None:
        """The command that runs it, alive or not."""
        return records.read(self.dir / "supervisor", str(self.dir))

    def processes(self) -> list[records.Recorded]:
        """Every process that it started, ended ones too."""
        return records.read_all(self._run, str(self.dir))

    def detached(self) -> bool:
        """Whether it was left up on purpose."""
        return (self.dir / "detached").exists()

    # Its life.

    def prepare(self) -> None:
        """Make its directories and take a block of ports.

        Raises:
            MissingPrerequisite: no block is free, or nothing can be written there.
        """
        try:
            self.dir.mkdir(parents=True, mode=0o700)
            for directory in (self.logs, self._run, self.dir / "secrets"):
                directory.mkdir()
            records.leave(self.dir / "supervisor")
            for role in ROLES:
                self._secret(f"secrets/{role}", secrets.token_urlsafe(24))
        except OSError as error:
            raise MissingPrerequisite(
                f"{self.dir} cannot be written: {error.strerror}",
                remedy="Make room there, or name another folder: CARBON_STATE=/somewhere make try",
            ) from error
        self._base = self._take_ports()

    def detach(self) -> None:
        """Say that it is left up on purpose."""
        (self.dir / "detached").touch()

    def clear(self) -> None:
        """End everything of it and remove its directory.

        Raises:
            ToolError: something could not be ended.
        """
        with self._lock:
            self._closing = True
        found = self.processes()
        servers = [one for one in found if one.name in (*_SERVERS, "initdb")]
        # Consumers leave their group and finish their transaction while the servers still answer.
        records.end([one for one in found if one not in servers], _ASKED, 10)
        records.end(servers, _ASKED, 10)
        shutil.rmtree(self.dir, ignore_errors=True)
        if self.dir.exists():
            raise ToolError(f"{self.dir} cannot be removed", remedy=f"Whose is it? ls -ld {self.dir}/*")

    # Its processes.

    def process(
        self, command: Sequence[Argument], log: Path, env: Mapping[str, str] | None = None
    ) -> Process:
        """Start a process of this run, recorded under its log's name.

        Raises:
            ToolError: the run is being ended.
        """
        with self._lock:
            if self._closing:
                raise ToolError("the run is being ended")
            variables = {**(env or {}), records.MARK: str(self.dir)}
            record = self._run / log.stem
            return Process(command, log, variables, record=record, cwd=paths.ROOT)

    def start(self, workload: Workload) -> Process:
        """Start a workload."""
        command = [sys.executable, *workload.argv]
        return self.process(command, self.log(workload), self.environment(workload))

    def log(self, workload: Workload) -> Path:
        return self.logs / f"{workload.name}.log"

    # Where things are.

    def port(self, name: str) -> int:
        """The port of a server, or of a workload: what it serves, or its metrics."""
        return self._base + _NAMES.index(name)

    @property
    def kafka(self) -> str:
        return f"127.0.0.1:{self.port('kafka')}"

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}"

    def environment(self, workload: Workload) -> dict[str, str]:
        """The variables that a workload is told; no secret is in them."""
        given = {names.POD_NAME: workload.name, "PYTHONUNBUFFERED": "1", **workload.settings}
        if workload.declared.port is not None:
            scratch = self.dir / workload.name
            given |= {
                "PORT": str(self.port(workload.name)),
                "MODELS_DIR": str(scratch / "models"),
                "METRICS_DIR": str(scratch / "metrics"),
            }
        elif not workload.job:
            given[names.METRICS_PORT] = str(self.port(workload.name))
        if workload.role is not None:
            given |= {
                names.POSTGRES_USER: workload.role,
                names.POSTGRES_PASSWORD_FILE: str(self.dir / "secrets" / workload.role),
            }
        for name in workload.calls:
            given |= self._address(name)
        if workload.declared is DATA_API:
            given |= {"CHARTING": str(charting.target()), "GRAPHIQL": str(graphiql.target())}
        if workload.sources:
            given[names.SOURCES_FILE] = str(self.dir / "sources.yaml")
            given[names.PROVENANCE] = ",".join(PROVENANCES)
        return given

    def exports(self, workload: Workload) -> Path:
        """A file of shell exports with which a person runs a workload."""
        lines = [f"export {n}={shlex.quote(v)}" for n, v in sorted(self.environment(workload).items())]
        file = self.dir / f"{workload.name}.env"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    def write_sources(self) -> None:
        """Put the list of price sources where the pipeline looks for it."""
        market.sources(self.dir / "sources.yaml")

    def password(self, role: str) -> str:
        return (self.dir / "secrets" / role).read_text(encoding="utf-8")

    def write_passfile(self, password: str) -> None:
        """The administrator's password for psql."""
        self._secret("pgpass", f"127.0.0.1:{self.port('postgres')}:*:postgres:{password}\n")

    @property
    def passfile(self) -> Path:
        return self.dir / "pgpass"

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a statement on the feature store, as the administrator.

        Raises:
            ToolError: the database is away or refuses it.
        """
        try:
            with psycopg.connect(
                host="127.0.0.1",
                port=self.port("postgres"),
                user="postgres",
                passfile=str(self.passfile),
                dbname=tables.DATABASE,
                autocommit=True,
            ) as connection:
                row = connection.execute(as_json(sql).encode()).fetchone()
        except psycopg.Error as error:
            raise ToolError(f"the feature store: {error}") from error
        return row[0] if row else []

    def _address(self, called: str) -> dict[str, str]:
        match called:
            case KAFKA.name:
                return {names.KAFKA_BOOTSTRAP: self.kafka}
            case POSTGRES.name:
                port = str(self.port("postgres"))
                return {
                    names.POSTGRES_HOST: "127.0.0.1",
                    names.POSTGRES_PORT: port,
                    names.POSTGRES_DATABASE: tables.DATABASE,
                }
            case REDIS.name:
                return {
                    names.REDIS_URL: f"redis://127.0.0.1:{self.port('redis')}",
                    names.REDIS_PASSWORD_FILE: str(self.dir / "redis" / "redis-password"),
                }
            case MLFLOW.name:
                return {names.MLFLOW_TRACKING_URI: self.url("mlflow")}
            case _ if called not in _NAMES:
                return {}  # the proxy, for one: without it what leaves this machine goes directly
            case _:
                return {DECLARED[called].url_variable: self.url(called)}

    def _secret(self, name: str, text: str) -> None:
        file = self.dir / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")

    def _take_ports(self) -> int:
        for base in range(_FIRST_PORT, _LAST_PORT - BLOCK + 2, BLOCK):
            claim = _claim(base)
            if claim and all(is_free(base + index) for index in range(BLOCK)):
                self._block = claim
                (self.dir / "ports.json").write_text(json.dumps({"base": base}), encoding="utf-8")
                return base
            if claim:
                claim.close()
        raise MissingPrerequisite(
            f"no {BLOCK} neighbouring ports are free on 127.0.0.1 between {_FIRST_PORT} and {_LAST_PORT}",
            remedy="Stop the programs that listen there: ss -ltnp shows them.",
        )


def _claim(base: int) -> socket.socket | None:
    """Hold a block of ports before they are bound, against whoever else begins a run: other users too."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0carbon-try-{base}")
    except OSError:
        claim.close()
        return None
    return claim
