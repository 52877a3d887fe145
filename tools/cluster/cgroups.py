"""The instance's cgroups, in every mounted hierarchy (version 1, hybrid or version 2)."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from tools.errors import ToolError

V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids")
SYSTEM = "sys"
"""The child that holds the node's own programs; the kubelet makes its siblings for pods."""
WEIGHT = 20
"""What the instance gets on a busy machine, in processes outside: beside fifty of them more than a quarter of
the CPU, instead of a fiftieth."""
SYSTEM_WEIGHT = 10
"""What the node's own programs get beside all pods together, which count as the machine's cores do:
containerd and the kubelet go first, since a pod whose probe they are late with looks dead."""


def hierarchies(mountinfo: Path = Path("/proc/self/mountinfo")) -> list[Path]:
    """Mount points of all cgroup hierarchies."""
    found: list[Path] = []
    for line in mountinfo.read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if rest.split()[0] in ("cgroup", "cgroup2"):
            found.append(Path(fields.split()[4]))
    return found


def create(name: str, roots: list[Path]) -> None:
    """Make `name` and its system child in each hierarchy, usable by processes at once."""
    for root in roots:
        top, system = root / name, root / name / SYSTEM
        for directory in (root, top):
            directory.mkdir(exist_ok=True)
            _enable_controllers(directory)
        system.mkdir(exist_ok=True)
        _weigh(top, WEIGHT)
        _weigh(system, SYSTEM_WEIGHT)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # Version 1 starts a cpuset empty, and an empty one takes no process.
            if (root / "cpuset.sched_load_balance").exists():
                for child in (top, system):
                    (child / setting).write_text((root / setting).read_text())


def join_command(name: str, roots: list[Path]) -> list[str]:
    """A command prefix that runs what follows inside the instance's system cgroup."""
    script = 'while [ "$1" != -- ]; do echo 0 > "$1"; shift; done; shift; exec "$@"'
    files = [str(root / name / SYSTEM / "cgroup.procs") for root in roots]
    return ["sh", "-ec", script, "join", *files, "--"]


def processes(name: str, roots: list[Path], pod: str = "") -> set[int]:
    """Host PIDs of everything in the instance's cgroups, or of one pod of it, by its uid."""
    pids: set[int] = set()
    for directory in _directories(name, roots):
        if pod and f"pod{pod}" not in directory.parts:
            continue
        try:
            pids.update(int(pid) for pid in (directory / "cgroup.procs").read_text().split())
        except OSError:  # removed meanwhile, or a threaded cgroup whose processes its parent lists
            continue
    return pids


def remove(name: str, roots: list[Path], timeout: float = 10) -> None:
    """Remove the emptied cgroups.

    Raises ToolError when one is still in use after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        for directory in _directories(name, roots):
            try:
                directory.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # the kernel is still releasing what was in it
                break
        else:
            return
        if time.monotonic() > deadline:
            raise ToolError(
                f"cgroup {name} is still in use (processes: {sorted(processes(name, roots))})",
                remedy="Run `down` again; if that does not help, look at what these processes wait for.",
            )
        time.sleep(0.05)


def _directories(name: str, roots: list[Path]) -> Iterator[Path]:
    for root in roots:
        for directory, _, _ in os.walk(root / name, topdown=False):
            yield Path(directory)


def _weigh(directory: Path, processes: int) -> None:
    """Have a group count as so many processes, in whichever hierarchy has the CPU."""
    for setting, one in (("cpu.weight", 100), ("cpu.shares", 1024)):
        if (directory / setting).exists():
            (directory / setting).write_text(str(one * processes))


def _enable_controllers(directory: Path) -> None:
    available = directory / "cgroup.controllers"
    if not available.exists():
        return
    wanted = [name for name in V2_CONTROLLERS if name in available.read_text().split()]
    enabled = (directory / "cgroup.subtree_control").read_text().split()
    missing = [f"+{name}" for name in wanted if name not in enabled]
    if missing:
        (directory / "cgroup.subtree_control").write_text(" ".join(missing))
