"""Keycloak in the shared cache: its release, built once for PostgreSQL, for image and processes."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from tools import cached, console, java, maven, proc, tars, versions
from tools.paths import ROOT, cache_dir

POM: Final = ROOT / "tools" / "keycloak" / "pom.xml"
SHA256: Final = "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47"
"""Of the release's archive."""

BUILT: Final = (
    "--db=postgres",
    "--health-enabled=true",
    "--metrics-enabled=true",
    # A standard flow and tokens for programs are all that is asked here.
    "--features-disabled=ciba,device-flow,kerberos,par,impersonation",
)
"""What its server is built with, which a start with `--optimized` does not change."""

_UNUSED: Final = ("bin/*.bat", "bin/client", "bin/fed*", "bin/kcadm*", "bin/kcreg*", "*.md")
_NAME: Final = "keycloak"


def archive() -> Path:
    """`keycloak.tar`, in which the built server is below `keycloak/`.

    Raises:
        ToolError: what was fetched is not the release that is pinned.
        MissingPrerequisite, CommandFailed: as `maven.jars` and `java.home`.
    """
    title = f"Fetching and building Keycloak {versions.KEYCLOAK}"
    return cached.directory(_target("archive"), lock="keycloak-archive", title=title, fill=_pack) / _TAR


def unpacked() -> Path:
    """The server's directory on this machine, for plain processes. Raises as `archive`."""

    def fill(out: Path, _: console.Step) -> None:
        proc.run(["tar", "-xf", archive(), "-C", out], log=cached.new_log("keycloak-unpack"))

    title = "Unpacking Keycloak"
    return cached.directory(_target("server"), lock="keycloak-server", title=title, fill=fill) / _NAME


def present() -> bool:
    """Whether `archive` has nothing to fetch."""
    return _target("archive").is_dir()


_TAR: Final = f"{_NAME}.tar"


def _target(what: str) -> Path:
    facts = (POM.read_text(encoding="utf-8"), SHA256, versions.JAVA_RUNTIME, *BUILT, *_UNUSED)
    return cache_dir() / _NAME / f"{what}-{hashlib.sha256(chr(0).join(facts).encode()).hexdigest()[:12]}"


def _pack(out: Path, step: console.Step) -> None:
    maven.release(_NAME, POM, "org/keycloak/keycloak-quarkus-dist", SHA256, out, step)
    root = out / f"keycloak-{versions.KEYCLOAK}"
    step.detail("building")
    build = ["bash", root / "bin" / "kc.sh", "build", *BUILT]
    proc.run(build, log=cached.new_log("keycloak-build"), env=java.environment())
    for pattern in _UNUSED:
        for one in root.glob(pattern):
            shutil.rmtree(one) if one.is_dir() else one.unlink()
    step.detail("packing")
    tars.pack(root, out / _TAR, below=_NAME)
    shutil.rmtree(root)
