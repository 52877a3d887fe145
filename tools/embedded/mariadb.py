"""A MariaDB server, as legacy systems are read from; the administrator is `root`."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools import debian
from tools.embedded.process import (
    START_SECONDS,
    UNPRIVILEGED,
    Launch,
    Process,
    answers,
    free_ports,
    unprivileged,
)
from tools.errors import ToolError


class MariaDb:
    """A running server with one empty database.

    Args:
        directory: for its data, log and password; exists.
        database: of the user `reader`, whose password is in `password_file` and who may read all of it.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(
        self,
        directory: Path,
        database: str,
        *,
        schema: Sequence[str] = (),
        port: int | None = None,
        launch: Launch = Process,
    ) -> None:
        self.database = database
        self.port = port or free_ports(1)[0]
        self.password_file = directory / "reader-password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(secrets.token_urlsafe(16), encoding="utf-8")
        self.admin_password = secrets.token_urlsafe(16)
        self._log, self._launch = directory / "mariadb.log", launch
        data = directory / "data"
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, UNPRIVILEGED, UNPRIVILEGED)
        self._common = ["--no-defaults", f"--datadir={data}"]
        _install(self._common, directory / "install.log")
        started = directory / "started.sql"
        started.touch(mode=0o600)
        reader = self.password_file.read_text(encoding="utf-8")
        started.write_text(
            "\n".join(
                [
                    "DELETE FROM mysql.global_priv WHERE User = 'root';",
                    "FLUSH PRIVILEGES;",
                    f"CREATE USER root@'127.0.0.1' IDENTIFIED BY '{self.admin_password}';",
                    "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;",
                    f"CREATE DATABASE {database} CHARACTER SET utf8mb4;",
                    f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{reader}';",
                    f"GRANT SELECT ON {database}.* TO reader@'127.0.0.1';",
                    f"USE {database};",
                    *(f"{statement};" for statement in schema),
                ]
            ),
            encoding="utf-8",
        )
        if os.geteuid() == 0:
            shutil.chown(started, UNPRIVILEGED, UNPRIVILEGED)
        self._start([f"--init-file={started}"])

    def _start(self, more: Sequence[str] = ()) -> None:
        self.process = self._launch(
            unprivileged(
                debian.path("mariadbd"), *self._common, f"--basedir={_base()}",
                "--bind-address=127.0.0.1", f"--port={self.port}", "--socket=", "--skip-name-resolve",
                "--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=0",
                "--log-bin=bin", "--binlog-format=ROW", "--server-id=7", *more,
            ),
            self._log,
        )  # fmt: skip
        try:
            self.process.until(lambda: answers(self.port), "MariaDB answers")
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Again, after a stop."""
        self._start()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.stop(number)


def _base() -> Path:
    """What is `/usr` for the server: of the machine, or of the unpacked package."""
    program = debian.path("mariadbd")
    return program.parents[1] if program.parent.name == "sbin" else program.parents[1] / "usr"


def _install(common: Sequence[str], log: Path) -> None:
    """What `mariadb-install-db` does, which wants programs of further packages: the system's tables."""
    share = _base() / "share" / "mysql"
    names = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
    text = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;"]
    text += [(share / name).read_text(encoding="utf-8") for name in names]
    command = unprivileged(
        debian.path("mariadbd"), *common, f"--basedir={_base()}", "--bootstrap", "--silent-startup",
        "--log-warnings=0", "--max-allowed-packet=16M",
    )  # fmt: skip
    with log.open("ab") as sink:
        done = subprocess.run(
            [os.fspath(part) for part in command],
            input="\n".join(text).encode(),
            stdout=sink,
            stderr=sink,
            timeout=START_SECONDS,
            check=False,
        )
    if done.returncode:
        raise ToolError("MariaDB's system tables could not be made.", log=log)
