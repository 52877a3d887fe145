"""Keycloak as a plain process, started as its image starts it, and the job that makes its realm."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from tools import java, keycloak
from tools.embedded.process import Launch, Process, free_ports, http_ok
from tools.paths import ROOT
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.keycloak import ADMIN_PASSWORD, KEYCLOAK, KEYCLOAK_PREPARE, PEOPLE_KEY
from workloads.kit.contracts.people import PATH, RealmFacts, first_password

_START = ROOT / "tools" / "images" / "keycloak" / "entrypoint.sh"
_PREPARE_SECONDS = 600.0


class Keycloak:
    """A server over its own database.

    Args:
        directory: for logs, secrets and what it writes; exists.
        postgres_port: of the migrated server on 127.0.0.1.
        passwords: directory with a file a database role.
    """

    def __init__(
        self, directory: Path, postgres_port: int, passwords: Path, *, launch: Launch = Process
    ) -> None:
        self.directory, self._launch = directory, launch
        self._port, self._management = free_ports(2)
        self.url = f"http://127.0.0.1:{self._port}"
        for name in KEYCLOAK.secrets:
            file = directory / name
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
        self._home = directory / "home"
        self._home.mkdir()
        server = keycloak.unpacked()
        for part in server.iterdir():
            (self._home / part.name).symlink_to(part)
        self._env = {
            **java.environment(),
            env.KEYCLOAK_HOSTNAME: self.url,
            env.POSTGRES_HOST: "127.0.0.1",
            env.POSTGRES_PORT: str(postgres_port),
            env.POSTGRES_USER: KEYCLOAK.role or "",
            env.POSTGRES_PASSWORD_FILE: str(passwords / (KEYCLOAK.role or "")),
            env.KEYCLOAK_ADMIN_PASSWORD_FILE: str(directory / ADMIN_PASSWORD),
            "KEYCLOAK_HOME": str(self._home),
            "KEYCLOAK_PORT": str(self._port),
            "KEYCLOAK_MANAGEMENT_PORT": str(self._management),
        }

    @property
    def inside(self) -> str:
        """Another address at which it answers, as pods have one."""
        return self.url.replace("127.0.0.1", "localhost")

    @property
    def secret_files(self) -> list[Path]:
        """Those that were made up for it."""
        return [self.directory / name for name in KEYCLOAK.secrets]

    @property
    def issuer(self) -> str:
        """As its tokens name it."""
        return self.url + PATH

    def start(self) -> None:
        """Serve; returns when it answers. Raises ToolError: it did not come up; carries the log."""
        self.process = self._launch(["sh", _START], self.directory / "keycloak.log", self._env)
        try:
            ready = f"http://127.0.0.1:{self._management}/health/ready"
            self.process.until(lambda: http_ok(ready), "Keycloak is ready", seconds=900)
        except BaseException:
            self.stop()
            raise

    def prepare(self, facts: RealmFacts) -> str:
        """Bring the realm to what is declared, and return what the job said.

        Raises:
            ToolError: it failed; carries the log.
        """
        log = self.directory / "prepare.log"
        log.unlink(missing_ok=True)
        variables = {
            env.KEYCLOAK_URL: self.inside,
            env.KEYCLOAK_SECRETS_DIR: str(self.directory),
            env.REALM: facts.model_dump_json(),
            "PYTHONPATH": str(ROOT),
        }
        module = f"workloads.{KEYCLOAK_PREPARE.name.replace('-', '_')}"
        job = self._launch([sys.executable, "-m", module], log, {**os.environ, **variables})
        job.done("the realm's preparation", _PREPARE_SECONDS)
        return log.read_text(encoding="utf-8")

    def first_password(self, name: str) -> str:
        """Of a person, or the secret of a program."""
        return first_password((self.directory / PEOPLE_KEY).read_text(encoding="utf-8"), name)

    def stop(self) -> None:
        self.process.stop()
