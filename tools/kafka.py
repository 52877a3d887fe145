"""Apache Kafka from Maven Central: its jars in the shared cache."""

import hashlib
import re
import shutil
from pathlib import Path

from tools import cached, console, proc
from tools.errors import CommandFailed, MissingPrerequisite
from tools.paths import ROOT, cache_dir

POM = ROOT / "tools" / "kafka" / "pom.xml"


def libs() -> Path:
    """The directory of Kafka's jars, fetched with Maven on first use; the class path is `libs()/*`.

    Safe against another process that fetches at the same time.

    Raises:
        MissingPrerequisite: there is no Maven.
        CommandFailed: the jars could not be fetched; carries the log and what to do.
    """
    return cached.directory(_target(), lock="kafka", title="Fetching Kafka", fill=_fetch)


def present() -> bool:
    """Whether `libs` has nothing to fetch."""
    return _target().is_dir()


def _target() -> Path:
    key = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    return cache_dir() / "kafka" / key / "libs"


def _fetch(out: Path, step: console.Step) -> None:
    if not shutil.which("mvn"):
        raise MissingPrerequisite(
            "There is no Maven here, and Kafka comes with it.", remedy="apt-get install maven"
        )
    log = cached.new_log("kafka")
    command = [
        *("mvn", "--batch-mode", "--no-transfer-progress", "--file", POM, "dependency:copy-dependencies"),
        *(f"-Dmaven.repo.local={cache_dir() / 'maven'}", f"-DoutputDirectory={out}"),
    ]
    try:
        proc.run(command, log=log)
    except CommandFailed as error:
        if re.search(r"Could not transfer|Unknown host|timed out", "\n".join(console.log_tail(log))):
            error.remedy = "Check the network to Maven Central, or name a mirror in ~/.m2/settings.xml."
        raise
    step.note(f"{len(list(out.glob('*.jar')))} jars")
