"""Kafka Connect and Debezium's connector of MariaDB, in the shared cache."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from tools import cached, console, maven, versions
from tools.paths import ROOT, cache_dir

POM: Final = ROOT / "tools" / "connect" / "pom.xml"
SHA256: Final = "1ccab832edc5d1e667607361905e70689a308c9e5cb1561d79808084811e938f"
"""Of the connector's archive."""

LIBS, PLUGINS = "libs", "plugins"
"""Below the directory: Connect's own jars, and a directory a connector."""

_NAME: Final = "connect"


def directory() -> Path:
    """Where both are.

    Raises:
        ToolError: what was fetched is not the release that is pinned.
        MissingPrerequisite, CommandFailed: as `maven.jars`.
    """
    title = f"Fetching Kafka Connect {versions.KAFKA} and Debezium {versions.DEBEZIUM}"
    return cached.directory(_target(), lock=_NAME, title=title, fill=_fill)


def present() -> bool:
    """Whether `directory` has nothing to fetch."""
    return _target().is_dir()


def _target() -> Path:
    facts = chr(0).join((POM.read_text(encoding="utf-8"), SHA256))
    return cache_dir() / _NAME / hashlib.sha256(facts.encode()).hexdigest()[:12]


def _fill(out: Path, step: console.Step) -> None:
    plugins, libs = out / PLUGINS, out / LIBS
    maven.release(_NAME, POM, "io/debezium/debezium-connector-mariadb", SHA256, libs, step)
    plugins.mkdir()
    unpacked = libs / "debezium-connector-mariadb"
    unpacked.rename(plugins / unpacked.name)
