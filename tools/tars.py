"""Archives whose bytes follow from what is in them alone."""

from __future__ import annotations

import tarfile
from pathlib import Path


def pack(root: Path, archive: Path, *, below: str) -> None:
    """Put all that is in `root` into `archive`, under the name `below`, with no trace of this machine."""
    with tarfile.open(archive, "w") as made:
        for file in sorted(root.rglob("*")):
            name = f"{below}/{file.relative_to(root).as_posix()}"
            made.add(file, name, recursive=False, filter=_neutral)


def _neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An entry without what differs between machines."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 1
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
