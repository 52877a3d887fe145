"""Python environments in the cache, beside `.venv`: of packages that cannot be in one with the platform's."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import cached, console, paths, proc
from tools.image_build import requirements
from workloads.kit.contracts.declared.customer_metrics import CUSTOMER_METRICS
from workloads.kit.contracts.declared.market_connectors import MARKET_CONNECTORS
from workloads.kit.contracts.declared.superset import SUPERSET
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL

MARKETS = paths.ROOT / "workloads" / "market_connectors" / "requirements.txt"
"""The markets' libraries, which want another pandas than MLflow does."""

NEMOSIS = MARKETS.with_name("nemosis") / "requirements.txt"
"""The library of Australia's market, which runs as a program of its own for its licence's sake."""

CFN_LINT = paths.ROOT / "tools" / "gate" / "cloudformation" / "requirements.txt"
"""cfn-lint, whose schemas are large and which the gate alone needs."""
CUSTOMERS = paths.ROOT / "workloads" / "customer_metrics" / "requirements.txt"
"""What customer-metrics computes with, whose library of customers' value Poetry's index does not describe."""

WAREHOUSE = paths.ROOT / "workloads" / "warehouse_etl" / "requirements.txt"
"""dbt, whose own requirements are older than others' here."""

SUPERSET_PACKAGES = paths.ROOT / "workloads" / "superset" / "requirements.txt"
"""Superset's, which wants older releases of much that the platform has; it shares no base."""

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
"""Asks an interpreter for its version."""


def interpreter(version: str) -> Path | None:
    """A Python of this version, such as 3.12, on this machine: its own, on PATH or among pyenv's."""
    names = [sys.executable, shutil.which(f"python{version}")]
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    names += sorted(map(str, (root / "versions").glob(f"{version}.*/bin/python")), reverse=True)
    for name in filter(None, names):
        done = subprocess.run([name, "-c", _VERSION], capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return Path(name)
    return None


def made(name: str, pinned: bytes, python: Path | None = None) -> Path:
    """The Python of the environment `name` that these requirements pin; made once a content of them.

    Args:
        python: which one; this one by default.

    Raises:
        CommandFailed: the packages could not be installed.
    """
    python = python or Path(sys.executable)
    version = proc.output([python, "-c", _VERSION]).strip()
    key = hashlib.sha256(pinned + version.encode()).hexdigest()[:12]
    target = paths.cache_dir() / "environments" / f"{name}-{key}"

    def fill(out: Path, _: console.Step) -> None:
        log = cached.new_log(f"environment-{name}")
        listed = out / "requirements.txt"
        listed.write_bytes(pinned)
        proc.run([python, "-m", "venv", out], log=log)
        pip = [out / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        proc.run([*pip, "--no-deps", "--requirement", listed], log=log)

    cached.directory(target, lock=f"environment-{name}", title=f"Packages of {name}", fill=fill)
    return target / "bin" / "python"


def markets() -> Path:
    """The Python of market-connectors: the shared base and the markets' libraries, as its image has them."""
    return made(MARKET_CONNECTORS.name, requirements.base() + MARKETS.read_bytes())


def nemosis() -> Path:
    """The Python of the program by which market-connectors asks AEMO."""
    return made("nemosis", NEMOSIS.read_bytes())


def cfn_lint() -> Path:
    """The Python of cfn-lint."""
    return made("cfn-lint", CFN_LINT.read_bytes())


def customers() -> Path:
    """The Python of customer-metrics, as its image has it."""
    return made(CUSTOMER_METRICS.name, requirements.base() + CUSTOMERS.read_bytes())


def warehouse() -> Path:
    """The Python of warehouse-etl, as its image has it."""
    return made(WAREHOUSE_ETL.name, requirements.base() + WAREHOUSE.read_bytes())


def superset() -> Path:
    """The Python of Superset, as its image has it."""
    return made(SUPERSET.name, SUPERSET_PACKAGES.read_bytes())
