"""Superset as a plain process, in an environment of its own packages."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools import environments
from tools.embedded.process import Launch, Process, free_ports, http_ok
from tools.paths import ROOT
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.superset import ADMIN_PASSWORD, GUEST_KEY, READER, SUPERSET

_PREPARE_SECONDS = 900.0
"""The longest that its tables and dashboards may take: minutes on a busy machine."""


class Superset:
    """The server and its records; `prepare` comes before `start`.

    Args:
        directory: for logs, secrets and what it writes; exists.
        postgres_port: of the server on 127.0.0.1.
        passwords: directory with a file a database role.
        variables: of its settings, besides those that say where things are.
    """

    def __init__(
        self,
        directory: Path,
        postgres_port: int,
        passwords: Path,
        *,
        tenants: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        launch: Launch = Process,
    ) -> None:
        self._directory, self._launch = directory, launch
        self._port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self._port}"
        for name in SUPERSET.secrets:
            file = directory / name
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(32), encoding="utf-8")
        self.admin_password = (directory / ADMIN_PASSWORD).read_text(encoding="utf-8")
        self.env = {
            env.POSTGRES_HOST: "127.0.0.1",
            env.POSTGRES_PORT: str(postgres_port),
            env.POSTGRES_USER: SUPERSET.role or "",
            env.POSTGRES_PASSWORD_FILE: str(passwords / (SUPERSET.role or "")),
            env.READER_USER: READER,
            env.READER_PASSWORD_FILE: str(passwords / READER),
            env.SUPERSET_SECRETS_DIR: str(directory),
            env.SUPERSET_PORT: str(self._port),
            env.TENANTS: json.dumps(list(tenants)),
            "SUPERSET_HOME": str(directory / "home"),
            "PYTHONPATH": str(ROOT),
            **(variables or {}),
        }

    @property
    def guest_key(self) -> Path:
        """File with what guests' tokens are signed with."""
        return self._directory / GUEST_KEY

    def prepare(self) -> None:
        """Bring its records and dashboards to what is declared.

        Raises:
            ToolError: it failed; carries the log.
        """
        self._run("prepare").done("Superset's preparation", _PREPARE_SECONDS)

    def start(self, **variables: str) -> None:
        """Serve; returns when it answers.

        Args:
            variables: of its settings, in place of what they were.
        """
        self.env |= variables
        self.process = self._run("serve")
        self.process.until(lambda: http_ok(f"{self.url}/health"), "Superset answers")

    def stop(self) -> None:
        self.process.stop()

    def report(self, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Send the report that these variables describe."""
        return subprocess.run(
            [environments.superset(), "-m", f"workloads.{SUPERSET.name}", "report"],
            env={**self.env, **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def _run(self, command: str) -> Process:
        python = environments.superset()
        log = self._directory / f"{command}.log"
        return self._launch([python, "-m", f"workloads.{SUPERSET.name}", command], log, self.env)
