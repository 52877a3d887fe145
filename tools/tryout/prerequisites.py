"""What has to be on the machine already, and what is fetched into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

from tools import charting, debian, graphiql, kafka, market, packages, versions
from tools.errors import MissingPrerequisite
from tools.tryout.stand import Stand

PROGRAMS = ("initdb", "postgres", "redis-server")
"""Servers that the host has or that are unpacked from Debian's packages."""


def check() -> None:
    """Say everything that is missing at once.

    Raises:
        MissingPrerequisite: with the command that installs it.
    """
    missing: dict[str, str] = {}
    if problem := _java():
        missing[problem] = packages.BUILD["java"]
    if not _jars_present() and not shutil.which("mvn"):
        missing["Maven, which fetches Kafka's jars, the hub's charts and GraphiQL"] = packages.BUILD["mvn"]
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        for program in PROGRAMS:
            if not debian.present(program):
                missing[program] = packages.UNPACKED[program]
    if not missing:
        return
    wanted = " ".join(dict.fromkeys(missing.values()))
    install = f"apt-get update && apt-get install --yes {wanted}"
    if not shutil.which("apt-get"):
        install = f"install what your distribution calls these packages of Debian: {wanted}"
    elif os.geteuid() != 0:
        install = f"sudo sh -c '{install}'"
    raise MissingPrerequisite(f"This machine lacks {'; '.join(missing)}.", remedy=install)


def fetch(stand: Stand) -> list[str]:
    """Bring what the cache lacks, side by side; what was brought.

    Raises:
        ToolError: something could not be had; carries the log.
    """
    wanted: Mapping[str, Callable[[], bool]] = {
        "kafka": _jars_present,
        "programs": lambda: all(map(debian.present, PROGRAMS)),
        "market": market.present,
    }
    started = {
        what: stand.process(
            [sys.executable, "-m", "tools.tryout.prerequisites", what], stand.logs / f"fetch-{what}.log"
        )
        for what, present in wanted.items()
        if not present()
    }
    for what, process in started.items():
        process.done(f"fetching {what}", 1800)
    return list(started)


def _jars_present() -> bool:
    return kafka.present() and charting.present() and graphiql.present()


def _java() -> str | None:
    """What is wrong with the Java on PATH; None where it does."""
    wanted = f"Java {versions.JAVA} or newer, which runs Kafka"
    try:
        done = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return wanted
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    if found is None:
        return wanted
    return None if int(found[1]) >= int(versions.JAVA) else f"{wanted} (PATH has {found[1]})"


def _fetch(what: str) -> None:
    match what:
        case "kafka":
            kafka.libs()
            charting.directory()
            graphiql.directory()
        case "programs":
            for program in PROGRAMS:
                debian.path(program)
        case _:
            market.directory()


if __name__ == "__main__":
    from tools import console

    console.main(lambda: _fetch(sys.argv[1]))
