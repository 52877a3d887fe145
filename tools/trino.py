"""Trino in the shared cache: of its release, what the catalogues need."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from tools import cached, console, maven, proc, tars, versions
from tools.paths import ROOT, cache_dir

POM: Final = ROOT / "tools" / "trino" / "pom.xml"
SHA256: Final = "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f"
"""Of the release's archive."""

PLUGINS: Final = ("geospatial", "iceberg", "postgresql", "resource-group-managers")
"""What stays. The connector of PostgreSQL asks for a type that geospatial brings."""

_UNUSED: Final = (
    "bin/darwin-*",
    "bin/linux-ppc64le",
    "secrets-plugin",
    # Of Iceberg's: Hadoop's file systems, another catalogue, a cache of files, views of Hive.
    "plugin/iceberg/hdfs",
    "plugin/iceberg/net.snowflake_*",
    "plugin/iceberg/org.rocksdb_*",
    "plugin/iceberg/io.trino.coral_*",
)
_NAME: Final = "trino"


def archive() -> Path:
    """`trino.tar`, in which the server is below `trino/`; the same release makes the same bytes.

    Raises:
        ToolError: what was fetched is not the release that is pinned.
        MissingPrerequisite, CommandFailed: as `maven.jars`.
    """
    title = f"Fetching Trino {versions.TRINO}"
    return cached.directory(_target("archive"), lock="trino-archive", title=title, fill=_pack) / "trino.tar"


def unpacked() -> Path:
    """The server's directory on this machine, for a plain process. Raises as `archive`."""

    def fill(out: Path, _: console.Step) -> None:
        proc.run(["tar", "-xf", archive(), "-C", out], log=cached.new_log("trino-unpack"))

    return (
        cached.directory(_target("server"), lock="trino-server", title="Unpacking Trino", fill=fill) / _NAME
    )


def present() -> bool:
    """Whether `archive` has nothing to fetch."""
    return _target("archive").is_dir()


def _target(what: str) -> Path:
    facts = (POM.read_text(encoding="utf-8"), SHA256, *PLUGINS, *_UNUSED)
    return cache_dir() / _NAME / f"{what}-{_digest(chr(0).join(facts).encode())}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _pack(out: Path, step: console.Step) -> None:
    # All of it: files that plugins share are hard links to the first one's.
    maven.release(_NAME, POM, "io/trino/trino-server", SHA256, out, step)
    root = out / f"trino-server-{versions.TRINO}"
    kept = {root / "plugin" / name for name in PLUGINS}
    unused = [one for one in (root / "plugin").iterdir() if one not in kept]
    for pattern in _UNUSED:
        matched = sorted(root.glob(pattern))
        assert matched, f"the release has no {pattern}"
        unused += matched
    for one in unused:
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    step.detail("packing")
    tars.pack(root, out / "trino.tar", below=_NAME)
    shutil.rmtree(root)
