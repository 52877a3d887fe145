"""What poetry.lock says that an image installs, as pip's requirements with hashes."""

import hashlib
import re
import shutil
import sys
import tomllib
from collections.abc import Collection
from pathlib import Path

from tools import cached, proc, versions
from tools.errors import MissingPrerequisite
from tools.paths import ROOT, cache_dir

BASE_GROUP = "main"
"""What every workload needs: it is installed in the shared base image."""


def base() -> bytes:
    """The requirements of the shared base image."""
    return _exported(BASE_GROUP).encode()


def group(name: str, *, unused: Collection[str] = ()) -> bytes:
    """The requirements of a dependency group, without what the base image has and what is unused.

    Raises:
        ValueError: a package that is said to be unused is not in the group.
    """
    exported = _exported(name)
    if unknown := set(unused) - packages(exported):
        raise ValueError(f"not in the group {name}: {', '.join(sorted(unknown))}")
    return without(exported, packages(_exported(BASE_GROUP)).union(unused)).encode()


def has_group(name: str) -> bool:
    """Whether there is a dependency group of that name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return name in project["tool"]["poetry"]["group"]


def packages(requirements: str) -> set[str]:
    """The normalised names of the packages that are required."""
    return {name for name, _ in _blocks(requirements)}


def without(requirements: str, present: Collection[str]) -> str:
    """The requirements of the packages that are not present, in the order of their names.

    A package may stand there several times, for different versions of Python.
    """
    return "".join(text for name, text in sorted(_blocks(requirements)) if name not in present)


def _blocks(requirements: str) -> list[tuple[str, str]]:
    """Each requirement with its hashes, and its package's normalised name."""
    texts = re.split(r"^(?=[A-Za-z0-9])", requirements, flags=re.MULTILINE)
    named = ((re.match(r"[A-Za-z0-9._-]+", text), text) for text in texts)
    return [(re.sub(r"[-_.]+", "-", name[0]).lower(), text) for name, text in named if name]


def _exported(name: str) -> str:
    """`poetry export` of one group, kept in the cache: it takes Poetry a second or two."""
    lock = (ROOT / "poetry.lock").read_bytes()
    project = (ROOT / "pyproject.toml").read_bytes()
    key = hashlib.sha256(b"\0".join((lock, project, name.encode(), versions.POETRY.encode())))
    target = cache_dir() / "requirements" / f"{name}-{key.hexdigest()[:16]}.txt"
    if not target.is_file():
        with cached.exclusive(f"requirements-{name}"):
            if not target.is_file():
                _export(name, target)
    return target.read_text(encoding="utf-8")


def _export(name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}")
    proc.output(
        [poetry(), "export", "--only", name, "--format", "requirements.txt", "--output", draft],
        cwd=ROOT,
        env={
            "POETRY_VIRTUALENVS_CREATE": "false",
            "POETRY_CACHE_DIR": str(cache_dir() / "poetry" / "cache"),
            "POETRY_WARNINGS_EXPORT": "false",
        },
    )
    draft.rename(target)


def poetry() -> str:
    """The pinned Poetry.

    Raises:
        MissingPrerequisite: there is none.
    """
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = cache_dir() / "poetry" / f"{versions.POETRY}-{python}" / "bin" / "poetry"
    found = str(own) if own.is_file() else shutil.which("poetry")
    if not found:
        raise MissingPrerequisite("There is no Poetry here.", remedy="tools/bootstrap")
    return found
