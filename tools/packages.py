"""Debian packages that the project needs on a machine, and which of them it lacks.

Needs the standard library alone: `tools/bootstrap` asks it before anything is installed.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools import versions

NODE: Mapping[str, str] = {
    "catatonit": "catatonit",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "ip": "iproute2",
    "iptables": "iptables",
    "modprobe": "kmod",
    "nft": "nftables",
    "nsenter": "util-linux",
    "ps": "procps",
    "ptp": "containernetworking-plugins",
    "runc": "runc",
}
"""Programs that the node runs on, each with its package."""

IMAGES: Mapping[str, str] = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "runc": "runc"}
"""Programs that build images where there is no docker."""

BUILD: Mapping[str, str] = {
    "git": "git",
    "java": f"openjdk-{versions.JAVA}-jre-headless",
    "mvn": "maven",
}
"""Programs that fetch and run Kafka."""

UNPACKED: Mapping[str, str] = {
    "amtool": "prometheus-alertmanager",
    "chromium": "chromium",
    "mariadbd": "mariadb-server-core",
    "initdb": f"postgresql-{versions.POSTGRESQL}",
    "nginx": "nginx",
    "postgres": f"postgresql-{versions.POSTGRESQL}",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "psql": f"postgresql-client-{versions.POSTGRESQL}",
    "redis-server": "redis-server",
    "squid": "squid",
    "sshd": "openssh-server",
}
"""Programs that only tests run, each with its package."""

PLACES = (
    "/usr/sbin",
    "/sbin",
    f"/usr/lib/postgresql/{versions.POSTGRESQL}/bin",
    "/usr/lib/cni",
    "/opt/cni/bin",
)


def on_host(program: str) -> Path | None:
    """Where the host has a program, the directories that a user's PATH leaves out included."""
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES])
    found = shutil.which(program, path=search)
    return Path(found).absolute() if found else None


def missing(*groups: Mapping[str, str]) -> list[str]:
    """The packages whose programs the host lacks, sorted; a program from elsewhere counts as there."""
    wanted = {program: package for group in groups for program, package in group.items()}
    return sorted({package for program, package in wanted.items() if on_host(program) is None})


def install_command(packages: Iterable[str]) -> str:
    """What installs the packages, for a person who is not root."""
    return f"sudo apt-get update && sudo apt-get install --yes --no-install-recommends {' '.join(packages)}"
