"""A Redis server that keeps nothing on disk."""

from __future__ import annotations

import secrets
from pathlib import Path

from tools import debian
from tools.embedded.process import Launch, Process, answers, free_ports
from workloads.kit.contracts.env import REDIS_PASSWORD_FILE, REDIS_URL


class Redis:
    """A running server; it may be stopped and started again on the same port.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(self, directory: Path, *, port: int | None = None, launch: Launch = Process) -> None:
        self.port = port or free_ports(1)[0]
        self._launch = launch
        self.password_file = directory / "redis-password"
        password = secrets.token_urlsafe(16)
        self._config = directory / "redis.conf"
        for file, text in (
            (self.password_file, password),
            (self._config, f'bind 127.0.0.1\nport {self.port}\nsave ""\nrequirepass {password}\n'),
        ):
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
        self._log = directory / "redis.log"
        self.start()

    @property
    def env(self) -> dict[str, str]:
        """What a workload needs to reach it."""
        return {
            REDIS_URL: f"redis://127.0.0.1:{self.port}",
            REDIS_PASSWORD_FILE: str(self.password_file),
        }

    def start(self) -> None:
        self.process = self._launch([debian.path("redis-server"), self._config], self._log)
        self.process.until(lambda: answers(self.port), "Redis answers")

    def stop(self) -> None:
        self.process.stop()
