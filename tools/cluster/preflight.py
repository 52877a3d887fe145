"""What a machine needs to carry a node, asked before anything is changed."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.cluster import cgroups
from tools.cluster.instance import PORTS, Instance, is_free, recorded_ports
from tools.errors import MissingPrerequisite

MEMORY_GIB = 8.0
"""For a node with the whole stack on it."""
DISK_GIB = 15.0
V1_CONTROLLERS = frozenset({"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids"})
NAMESPACES = ("pid", "mnt", "net", "ipc", "uts")
_GIB = 1 << 30


def check(instance: Instance, memory_gib: float = MEMORY_GIB) -> None:
    """Raise MissingPrerequisite naming everything that is missing, its value and what to do."""
    found = list(problems(instance, memory_gib))
    if not found:
        return
    raise MissingPrerequisite(
        f"this machine cannot carry instance {instance.name!r}: " + "; ".join(what for what, _ in found),
        remedy=" ".join(remedy for _, remedy in found),
    )


def problems(instance: Instance, memory_gib: float = MEMORY_GIB) -> Iterator[tuple[str, str]]:
    """What is missing, each with what to do."""
    if sys.platform != "linux":
        # None of the other questions has an answer elsewhere.
        yield (
            f"the operating system is {sys.platform}, not Linux",
            "Use a Linux machine, or an existing cluster with KUBE_CONTEXT=…",
        )
        return
    if os.geteuid() != 0:
        yield (
            f"the user is {os.geteuid()}, not root",
            "Run it as root, or use an existing cluster with KUBE_CONTEXT=…",
        )
    yield from _resources(instance, memory_gib)
    yield from _kernel()
    yield from _places(instance)
    recorded = recorded_ports(instance)
    if recorded is not None:
        taken = [port for port in range(recorded.base, recorded.base + PORTS) if not is_free(port)]
        if taken:
            yield (
                f"port {', '.join(map(str, taken))} on 127.0.0.1 is taken",
                "Stop the program that listens there (ss -ltnp), or take the instance down: it gets others.",
            )


def _resources(instance: Instance, memory_gib: float) -> Iterator[tuple[str, str]]:
    memory = available_memory() / _GIB
    if memory < memory_gib:
        yield (
            f"{memory:.1f} GiB of memory are available, {memory_gib:g} GiB are needed",
            "Stop other programs or instances (`make down`).",
        )
    place = next(parent for parent in (instance.dir, *instance.dir.parents) if parent.exists())
    disk = shutil.disk_usage(place).free / _GIB
    if disk < DISK_GIB:
        yield (
            f"{disk:.1f} GiB of disk are free at {place}, {DISK_GIB:.0f} GiB are needed",
            "Make room, or set CARBON_STATE to a directory on a larger disk.",
        )


def _kernel() -> Iterator[tuple[str, str]]:
    if "overlay" not in filesystems():
        yield "the kernel lacks overlayfs", "Load it: modprobe overlay."
    absent = [name for name in NAMESPACES if not Path(f"/proc/self/ns/{name}").exists()]
    if absent:
        yield f"the kernel lacks namespaces: {', '.join(absent)}", "Use a kernel built with them."
    if not Path("/dev/kmsg").exists():
        yield "/dev/kmsg is missing, which the kubelet reads", "Create it: mknod /dev/kmsg c 1 11."
    lacking = sorted(missing_controllers(cgroups.hierarchies()))
    if lacking:
        yield (
            f"cgroup controllers are missing: {', '.join(lacking)}",
            "Mount /sys/fs/cgroup with them (version 2, or version 1 with one hierarchy a controller).",
        )


def _places(instance: Instance) -> Iterator[tuple[str, str]]:
    for place in (instance.dir, Path(sys.executable).absolute()):
        if place.is_relative_to("/run") or place.is_relative_to("/proc") or place.is_relative_to("/sys"):
            yield (
                f"{place} lies in a directory that an instance has of its own",
                "Set CARBON_STATE, and put the checkout, elsewhere.",
            )


def available_memory(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Bytes that programs can still take without swapping."""
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def filesystems(path: Path = Path("/proc/filesystems")) -> set[str]:
    """File systems that the kernel has now."""
    return {line.split()[-1] for line in path.read_text().splitlines() if line.strip()}


def missing_controllers(roots: list[Path]) -> set[str]:
    """Controllers a node needs that no mounted hierarchy has."""
    unified = [root / "cgroup.controllers" for root in roots if (root / "cgroup.controllers").exists()]
    if len(roots) == 1 and unified:
        present = set(unified[0].read_text().split())
        return {name for name in cgroups.V2_CONTROLLERS if name not in present}
    mounted = {name for root in roots for name in root.name.split(",")}
    return {name for name in V1_CONTROLLERS if name not in mounted}
