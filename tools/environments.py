"""Python environments in the cache, beside `.venv`: of packages that cannot be in one with the platform's."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tools import cached, console, paths, proc
from tools.image_build import requirements
from workloads.kit.contracts.declared.market_connectors import MARKET_CONNECTORS

MARKETS = paths.ROOT / "workloads" / "market_connectors" / "requirements.txt"
"""The markets' libraries, which want another pandas than MLflow does."""


def made(name: str, pinned: bytes) -> Path:
    """The Python of the environment `name` that these requirements pin; made once a content of them.

    Raises:
        CommandFailed: the packages could not be installed.
    """
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    key = hashlib.sha256(pinned + version.encode()).hexdigest()[:12]
    target = paths.cache_dir() / "environments" / f"{name}-{key}"

    def fill(out: Path, _: console.Step) -> None:
        log = cached.new_log(f"environment-{name}")
        listed = out / "requirements.txt"
        listed.write_bytes(pinned)
        proc.run([sys.executable, "-m", "venv", out], log=log)
        pip = [out / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        proc.run([*pip, "--no-deps", "--requirement", listed], log=log)

    cached.directory(target, lock=f"environment-{name}", title=f"Packages of {name}", fill=fill)
    return target / "bin" / "python"


def markets() -> Path:
    """The Python of market-connectors: the shared base and the markets' libraries, as its image has them."""
    return made(MARKET_CONNECTORS.name, requirements.base() + MARKETS.read_bytes())
