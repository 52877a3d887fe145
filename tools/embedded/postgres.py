"""A PostgreSQL server; the administrator is `postgres`. As root it runs as another user: it refuses root."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import psycopg

from tools import debian
from tools.embedded.process import UNPRIVILEGED, Launch, Process, free_ports, unprivileged

QUICK_WRITES: Mapping[str, object] = {"shared_buffers": "256MB", "fsync": "off"}


class Postgres:
    """A running server.

    Args:
        directory: for its data, log and password; exists.
        parameters: of the server; by default it is quick and forgets what a crash of the machine meets.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(
        self,
        directory: Path,
        parameters: Mapping[str, object] = QUICK_WRITES,
        *,
        port: int | None = None,
        launch: Launch = Process,
    ) -> None:
        self._parameters = parameters
        self._launch = launch
        self.port = port or free_ports(1)[0]
        self.password_file = directory / "postgres-password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_urlsafe(16), encoding="utf-8")
        self._data = directory / "data"
        self._log = directory / "postgres.log"
        self._data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self._data, UNPRIVILEGED, UNPRIVILEGED)
        launch(
            unprivileged(
                debian.path("initdb"), "--pgdata", self._data, "--username=postgres", "--encoding=UTF8",
                "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={self.password_file}", "--no-sync",
            ),
            directory / "initdb.log",
        ).done("initdb")  # fmt: skip
        self.start()

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "50",
            **self._parameters,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = unprivileged(debian.path("postgres"), "-D", self._data, *settings)
        self.process = self._launch(command, self._log)

        def up() -> bool:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                return False
            return True

        try:
            self.process.until(up, "PostgreSQL answers")
        except BaseException:
            self.stop()
            raise

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop; SIGINT ends every session at once (the fast shutdown), SIGQUIT is a crash."""
        self.process.stop(number)

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """An administrator's connection in autocommit."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.password_file.read_text(encoding="utf-8"),
            dbname=database,
            autocommit=True,
        )
