"""A Debian root file system made from packages, for machines that reach a mirror but no image registry."""

from pathlib import Path

from tools import cached, console, debian, proc
from tools.errors import CommandFailed
from tools.paths import cache_dir

SUITE = "bookworm"

_HOOKS = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
_LEFT_OUT = ("man", "locale", "doc", "info", "lintian")
"""Directories of /usr/share: images that build on this one leave them out too."""


def files() -> dict[str, Path]:
    """`rootfs.tar`, made once and kept; the same packages make the same file.

    The packages are the newest of the suite at the time when it is made.
    """
    target = cache_dir() / "debian-rootfs" / SUITE
    title = f"Making a Debian {SUITE} root"
    directory = cached.directory(target, lock="debian-rootfs", title=title, fill=_make)
    return {"rootfs.tar": directory / "rootfs.tar"}


def _make(out: Path, step: console.Step) -> None:
    debian.ensure({"mmdebstrap": debian.IMAGES["mmdebstrap"]})
    log = cached.new_log("debian-rootfs")
    excludes = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    command = [
        "mmdebstrap", "--variant=apt", f"--hook-dir={_HOOKS}", "--include=usr-is-merged",
        '--aptopt=Apt::Install-Recommends "false"', *excludes,
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        # The host's own name and name servers, and backups.
        '--customize-hook=cd "$1" && rm -f etc/resolv.conf etc/hostname var/lib/dpkg/*-old var/cache/*/*-old',
        SUITE, out / "rootfs.tar",
    ]  # fmt: skip
    try:
        # Files that the installation itself makes get this time, seconds since the epoch.
        proc.run(command, log=log, env={"SOURCE_DATE_EPOCH": "1"}, on_line=step.detail)
    except CommandFailed as error:
        error.remedy = "Check the network to the Debian mirror, then run the same again as root."
        raise
