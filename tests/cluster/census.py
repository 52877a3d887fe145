"""What an instance could leave on its host, listed, so that before and after can be compared."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.cluster import cgroups
from tools.cluster.instance import Instance

PLACES = (
    *(
        "/etc/kubernetes",
        "/etc/cni",
        "/opt",
        "/run/carbon",
        "/run/containerd",
        "/run/netns",
    ),
    *("/usr/libexec/kubernetes", "/var/lib/calico", "/var/lib/cni", "/var/lib/containerd", "/var/lib/etcd"),
    *("/var/lib/kubelet", "/var/lib/volumes", "/var/log/containers", "/var/log/pods"),
)
"""Where programs of a node write on a host of their own."""
SETTINGS = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes", "net/ipv4/ip_forward"),
    *("net/ipv4/conf/all/route_localnet", "net/netfilter/nf_conntrack_max", "kernel/hostname"),
)


def take(instance: Instance) -> dict[str, list[str]]:
    """Everything by kind, each a sorted list of lines."""
    return {
        "processes": sorted(processes(instance)),
        "mounts": sorted(_mounts(instance)),
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "packet filter": _packet_filter(),
        "cgroups": sorted(
            str(path) for root in cgroups.hierarchies() for path in root.rglob(f"{instance.cgroup}*")
        ),
        "settings": [f"{name}={_read(Path('/proc/sys') / name)}" for name in SETTINGS],
        "files": sorted(path for place in (*_quiet_places(), str(instance.dir)) for path in _walk(place)),
    }


def processes(instance: Instance) -> Iterator[str]:
    """Processes that are in the instance's cgroups or whose command line names its directory."""
    for process in Path("/proc").glob("[0-9]*"):
        command = _read(process / "cmdline").replace("\0", " ")
        if "State:\tZ" in _read(process / "status"):  # ended: the machine's own first process reaps it
            continue
        if instance.cgroup in _read(process / "cgroup") or str(instance.dir) in command:
            yield f"{process.name} {command}"


def _packet_filter() -> list[str]:
    saved = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    return [line for line in saved.splitlines() if line.startswith("-")]


def _mounts(instance: Instance) -> Iterator[str]:
    """Mounts that an instance might have made; other programs mount and unmount meanwhile."""
    marks = (str(instance.dir), instance.cgroup, "carbon-etc", "carbon-var", *_quiet_places())
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if any(mark in line for mark in marks):
            yield line


def _quiet_places() -> Iterator[str]:
    """PLACES without those where a containerd of the host's own works."""
    here = os.readlink("/proc/self/ns/mnt")
    names = [process for process in Path("/proc").glob("[0-9]*") if _read(process / "comm") == "containerd"]
    busy = any(_mount_namespace(process) == here for process in names)
    return (place for place in PLACES if not (busy and place.endswith("/containerd")))


def _mount_namespace(process: Path) -> str:
    try:
        return os.readlink(process / "ns" / "mnt")
    except OSError:
        return ""


def _walk(place: str) -> Iterator[str]:
    if Path(place).exists():
        yield place
    for directory, directories, files in os.walk(place):
        yield from (str(Path(directory) / name) for name in (*directories, *files))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
