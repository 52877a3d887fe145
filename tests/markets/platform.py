"""market-connectors as a process, in the environment that its image has, with a test's markets."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.markets.world import World
from tools import environments
from tools.paths import ROOT


@dataclass
class Connectors:
    """Args:
    markets: names of the table that are configured.
    keys: name of a secret → its content.
    env: of the process, besides the way to the markets.
    seconds: that one command may take.
    """

    world: World
    directory: Path
    markets: Sequence[str]
    keys: Mapping[str, str]
    env: dict[str, str] = field(default_factory=dict[str, str])
    seconds: float = 600

    def command(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end. Waits are short and questions are not paced: the stand-ins bear it."""
        return self._python("-m", "workloads.market_connectors", *arguments, **env)

    def process(self, script: Path, *arguments: str) -> None:
        """Run a script with the same libraries and the same way to the markets; it has to succeed."""
        done = self._python(str(script), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def _python(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        secrets = self.directory / "secrets"
        secrets.mkdir(exist_ok=True)
        for name, key in self.keys.items():
            (secrets / name).write_text(f"{key}\n")
        # What this shell says of proxies and indexes is not the workload's.
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        told = {
            "MARKETS": ",".join(self.markets),
            "SECRETS_DIR": str(secrets),
            "NEMOSIS_PYTHON": str(environments.nemosis()),
            "REQUESTS_PER_SECOND": "1000",
            "RETRY_WAIT_MAX_SECONDS": "0.2",
        }
        return subprocess.run(
            [environments.markets(), *arguments],
            cwd=ROOT,
            env={**kept, **self.world.env, **told, **self.env, **env},
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=False,
        )

    def look(self, *arguments: str, **env: str) -> list[dict[str, Any]]:
        """What `look` prints; errors of feeds are among it."""
        done = self.command("look", *arguments, **env)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"feed"')]

    def run(self, *arguments: str, **env: str) -> None:
        """A `run`, which has to succeed."""
        done = self.command("run", *arguments, **env)
        assert done.returncode == 0, done.stdout + done.stderr
