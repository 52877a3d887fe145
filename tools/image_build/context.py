"""Build contexts: exactly the files that an image is made from, so that their hash says all about it."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

Content = Path | bytes
Files = Mapping[str, Content]
"""Path inside the context → the file that is copied there, or its bytes."""

_MTIME = 1
"""Seconds since the epoch: every file has the same time, so that no checkout differs from another."""


def tree(directory: Path, under: str) -> dict[str, Path]:
    """The files below a directory, to be copied below `under`; no caches, hidden files or Dockerfiles."""
    return {
        f"{under}/{file.relative_to(directory).as_posix()}".lstrip("/"): file
        for file in sorted(directory.rglob("*"))
        if file.is_file() and not _is_ignored(file.relative_to(directory))
    }


def digest(files: Files, *facts: str) -> str:
    """A hash of the files' paths, contents and executable bits and of `facts`: 64 hexadecimal digits.

    The order of the files, their times and the rest of their modes do not count.
    """
    total = hashlib.sha256()
    for path in sorted(files):
        content = files[path]
        if isinstance(content, bytes):
            inner = hashlib.sha256(content)
        else:
            with content.open("rb") as stream:
                inner = hashlib.file_digest(stream, "sha256")
        total.update(f"{path}\0{_mode(content):o}\0{inner.hexdigest()}\n".encode())
    for fact in facts:
        total.update(f"{len(fact)}\0{fact}\n".encode())
    return total.hexdigest()


def write(files: Files, directory: Path) -> None:
    """Make the context: the same directory, byte for byte, wherever the files come from."""
    for path, content in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)
        target.chmod(_mode(content))
    for entry in (directory, *directory.rglob("*")):
        if entry.is_dir():
            entry.chmod(0o755)
        os.utime(entry, (_MTIME, _MTIME))


def read(directory: Path) -> dict[str, Path]:
    """The files of a context that was written."""
    return {file.relative_to(directory).as_posix(): file for file in directory.rglob("*") if file.is_file()}


def _mode(content: Content) -> int:
    executable = isinstance(content, Path) and content.stat().st_mode & 0o100
    return 0o755 if executable else 0o644


def _is_ignored(path: Path) -> bool:
    hidden = any(part == "__pycache__" or part.startswith(".") for part in path.parts)
    return hidden or path.name == "Dockerfile"
