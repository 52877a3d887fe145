"""Contenders as processes of their own: settings as JSON in, the result as the last line printed.

A peer whose packages differ from the platform's has an environment of its own in the cache, made from the
pinned requirements beside its script.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import environments, paths

HERE = Path(__file__).parent
_LIMIT = 600.0


def environment(name: str) -> Path:
    """The Python of the environment that `peers/<name>.txt` pins; made once a content of that file.

    Raises:
        CommandFailed: the packages could not be installed.
    """
    return environments.made(f"peer-{name}", (HERE / "peers" / f"{name}.txt").read_bytes())


def run(script: str, settings: Mapping[str, Any], python: Path | None = None) -> dict[str, Any]:
    """Run `peers/<script>.py` or `ours/<script>.py`, named with its directory, to its end.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    done = subprocess.run(
        command(script, settings, python),
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{script} exited with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def command(script: str, settings: Mapping[str, Any], python: Path | None = None) -> list[str]:
    """The command line of a contender. In its own environment it is a plain script that imports nothing of
    the platform; otherwise a module."""
    given = json.dumps(settings)
    if python is not None:
        return [str(python), str(HERE / f"{script}.py"), given]
    return [sys.executable, "-m", f"tests.bench.{script.replace('/', '.')}", given]
