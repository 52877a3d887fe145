"""Find each program: the right version on PATH, else the cache, else build it from its pinned modules.

toolchain.path("kubectl")             # where it is; found or built
toolchain.ensure(["etcd", "kubelet"]) # the same for several: name → path
toolchain.env_path(["pulumi"])        # a PATH that finds them
toolchain.kafka_libs()                # the directory of Kafka's jars
"""

import os
import re
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tools import gobuild, kafka, proc
from tools.errors import CommandFailed, MissingPrerequisite, UsageError
from tools.families import BY_PROGRAM, FAMILIES, PLATFORM, Program

kafka_libs = kafka.libs

PROGRAMS = tuple(name for family in PLATFORM for name in family.programs)
"""What the platform runs on, in the order in which it is built; other programs are built when asked for."""

_BY_NAME = {family.name: family for family in FAMILIES}
_VERSION_TIMEOUT = 20.0


def path(name: str) -> Path:
    """The absolute path of a program, which is built if neither PATH nor the cache has the right version.

    Raises:
        UsageError: there is no program of that name.
        MissingPrerequisite, CommandFailed: it had to be built and could not be.
    """
    found = find(name)
    return found or gobuild.build(BY_PROGRAM[name]) / name


def find(name: str) -> Path | None:
    """The program if PATH or the cache has the right version; never builds.

    Raises:
        UsageError: there is no program of that name.
        MissingPrerequisite: PATH does not have it and there is no Go (of the right version) to look further.
    """
    if name not in BY_PROGRAM:
        raise UsageError(
            f"There is no program {name!r}.", remedy=f"The programs are: {', '.join(BY_PROGRAM)}."
        )
    if found := on_path(name):
        return found
    cached = gobuild.directory(BY_PROGRAM[name]) / name
    return cached if cached.is_file() else None


def missing(names: Iterable[str] | None = None) -> list[str]:
    """The programs, of the platform's by default, that would have to be built; builds nothing.

    Raises:
        MissingPrerequisite: there is no Go to build them with, or one too old.
    """
    return [name for name in (PROGRAMS if names is None else names) if find(name) is None]


def ensure(names: Iterable[str] | None = None) -> dict[str, Path]:
    """`path` for several programs, the platform's by default, built a family after the other."""
    return {name: path(name) for name in (PROGRAMS if names is None else names)}


def of_families(*names: str) -> tuple[str, ...]:
    """The programs of families, in the order in which these are named."""
    return tuple(program for name in names for program in _BY_NAME[name].programs)


def fetch(names: Iterable[str] | None = None) -> None:
    """Bring the sources of the programs that would have to be built here, the platform's by default.

    Raises:
        CommandFailed: the module proxy could not be reached.
    """
    for family in dict.fromkeys(BY_PROGRAM[name].name for name in missing(names)):
        gobuild.fetch(_BY_NAME[family])


def env_path(names: Iterable[str]) -> str:
    """A value for PATH on which the given programs are found first."""
    inherited = os.environ.get("PATH", os.defpath)
    present = inherited.split(os.pathsep)
    directories = dict.fromkeys(str(program.parent) for program in ensure(names).values())
    return os.pathsep.join([*(d for d in directories if d not in present), inherited])


def on_path(name: str) -> Path | None:
    """The program on PATH if it answers with the pinned version."""
    program = BY_PROGRAM[name].programs[name]
    if program.beside:
        leader = on_path(program.beside)
        neighbour = leader.parent / name if leader else None
        return neighbour if neighbour and os.access(neighbour, os.X_OK) else None
    candidate = shutil.which(name)
    return Path(candidate).absolute() if candidate and _has_version(candidate, program) else None


@cache
def _has_version(candidate: str, program: Program) -> bool:
    if not program.ask:
        return False
    try:
        answer = proc.output([candidate, *program.ask], timeout=_VERSION_TIMEOUT)
    except (CommandFailed, MissingPrerequisite):
        return False
    return bool(re.search(rf"(?<![\w.])v?{re.escape(program.version)}(?![\w.+-])", answer))


__all__ = [
    "PROGRAMS",
    "ensure",
    "env_path",
    "fetch",
    "find",
    "kafka_libs",
    "missing",
    "of_families",
    "on_path",
    "path",
]
