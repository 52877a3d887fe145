"""Jars from Maven Central, in the shared cache: those of a pom.xml, with which nothing is built."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from tools import cached, console, proc
from tools.errors import CommandFailed, MissingPrerequisite, ToolError
from tools.paths import cache_dir


def directory(name: str, pom: Path) -> Path:
    """Where the jars of `pom` are, or are to be; `name` is what they are called there."""
    key = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    return cache_dir() / name / key / "libs"


def jars(name: str, pom: Path, *, title: str) -> Path:
    """The directory of the jars of `pom` and of what they need, fetched with Maven on first use.

    Safe against another process that fetches at the same time.

    Raises:
        MissingPrerequisite: there is no Maven.
        CommandFailed: the jars could not be fetched; carries the log and what to do.
    """

    def fetch(out: Path, step: console.Step) -> None:
        copy(name, pom, out, step)
        step.note(f"{len(list(out.glob('*.jar')))} jars")

    return cached.directory(directory(name, pom), lock=name, title=title, fill=fetch)


def copy(name: str, pom: Path, out: Path, step: console.Step) -> None:
    """Fetch what `pom` names into `out`. Raises as `jars`."""
    if not shutil.which("mvn"):
        raise MissingPrerequisite(
            f"There is no Maven here, and {name} comes with it.", remedy="apt-get install maven"
        )
    log = cached.new_log(name)
    command = [
        *("mvn", "--batch-mode", "--no-transfer-progress", "--strict-checksums"),
        *("--file", pom, "dependency:copy-dependencies"),
        *(f"-Dmaven.repo.local={repository()}", f"-DoutputDirectory={out}"),
    ]
    try:
        # One at a time: two that fetch into one repository at once may read each other's halves.
        with cached.exclusive("maven", lambda: step.detail("waiting for another Maven")):
            proc.run(command, log=log)
    except CommandFailed as error:
        if re.search(r"Could not transfer|Unknown host|timed out", "\n".join(console.log_tail(log))):
            error.remedy = "Check the network to Maven Central, or name a mirror in ~/.m2/settings.xml."
        raise


def release(name: str, pom: Path, artifact: str, sha256: str, out: Path, step: console.Step) -> None:
    """Fetch the archive of a server that `pom` names, and unpack it into `out`.

    Args:
        artifact: group and name of it, as a path: `io/trino/trino-server`.

    Raises:
        ToolError: what was fetched is not the release that is pinned.
        MissingPrerequisite, CommandFailed: as `jars`.
    """
    copy(name, pom, out, step)
    (packed,) = out.glob(f"{artifact.rpartition('/')[2]}-*.tar.gz")
    with packed.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise ToolError(
            f"{packed.name} is another than the pinned release: its sha256 is {found}.",
            remedy="Find out where Maven had it from.",
        )
    step.detail("unpacking")
    proc.run(["tar", "-xzf", packed, "-C", out], log=cached.new_log(f"{name}-archive"))
    packed.unlink()
    shutil.rmtree(repository() / artifact, ignore_errors=True)


def repository() -> Path:
    """Maven's own store, where what was fetched lies as well."""
    return cache_dir() / "maven"
