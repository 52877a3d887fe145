"""An instance's namespaces: making them, running programs in them, ending them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import debian
from tools.cluster import cgroups
from tools.cluster.errors import NotRunning
from tools.cluster.instance import DNS_IP, NODE_IP, SERVICE_CIDR, Instance
from tools.errors import CommandFailed, MissingPrerequisite, ToolError

SETUP = Path(__file__).with_name("setup.sh")
KINDS = ("pid", "mount", "net", "ipc", "uts")
INSIDE = "run/carbon"
"""The node's own place in the instance's /run; gone with the namespaces, so nothing in it is ever stale."""

# Written from inside, where the PID is the one that counts. The program is left to the first process.
_LAUNCH = 'log=$1 pid=$2; shift 2; setsid "$@" >> "$log" 2>&1 < /dev/null & echo $! > "$pid"'
_AGAIN = 'while :; do "$@"; echo "$0 ended with exit code $?" >&2; sleep 1; done'


def init_pid(instance: Instance) -> int | None:
    """Host PID of the instance's first process, if it runs and its namespaces are complete."""
    pid = _recorded_init(instance)
    return pid if pid is not None and inside(pid, f"{INSIDE}/ready").exists() else None


def require_init(instance: Instance) -> int:
    """As `init_pid`, but an instance that is not up raises NotRunning."""
    pid = init_pid(instance)
    if pid is None:
        raise NotRunning(
            f"instance {instance.name!r} has no running node (state: {instance.dir})",
            remedy="Bring it up with `make up`, or name another with INSTANCE=…",
        )
    return pid


def inside(init: int, path: str) -> Path:
    """The host's view of `path` (relative to /) in the instance whose first process is `init`."""
    return Path(f"/proc/{init}/root") / path


def create(instance: Instance) -> None:
    """Make the namespaces and cgroups, after removing what is left of earlier ones.

    Raises ToolError with the log when the kernel refuses.
    """
    end(instance)
    instance.logs.mkdir(parents=True, exist_ok=True)
    roots = cgroups.hierarchies()
    cgroups.create(instance.cgroup, roots)
    catatonit = debian.on_host("catatonit")
    if catatonit is None:
        raise MissingPrerequisite("catatonit is missing", remedy="apt-get install catatonit")
    log = instance.logs / "init.log"
    with log.open("ab") as output:
        unshare = ["unshare", "--fork", *(f"--{kind}" for kind in KINDS), "--propagation=private"]
        parent = subprocess.Popen(
            [
                *cgroups.join_command(instance.cgroup, roots),
                *unshare,
                *("sh", str(SETUP), instance.node_name, str(instance.init_record), str(instance.root)),
                *(str(instance.volumes), NODE_IP, SERVICE_CIDR, DNS_IP, str(catatonit)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )
    wait_until(lambda: init_pid(instance) is not None or parent.poll() is not None, 20)
    if init_pid(instance) is None:
        raise ToolError(
            f"the namespaces of instance {instance.name!r} could not be made",
            remedy="Root needs CAP_SYS_ADMIN and CAP_NET_ADMIN, and the kernel overlayfs and veth.",
            log=log,
        )


def end(instance: Instance) -> None:
    """Kill every process of the instance and remove its cgroups; the namespaces go with the processes."""
    roots = cgroups.hierarchies()
    init = _recorded_init(instance)
    if init is not None:
        _kill(init)
    deadline = time.monotonic() + 20
    while remaining := cgroups.processes(instance.cgroup, roots):
        for pid in remaining:
            _kill(pid)
        if time.monotonic() > deadline:
            raise ToolError(
                f"processes {sorted(remaining)} of instance {instance.name!r} do not end",
                remedy="They wait for the kernel (state D in ps); run `down` again when they are gone.",
            )
        time.sleep(0.02)
    cgroups.remove(instance.cgroup, roots)
    instance.init_record.unlink(missing_ok=True)


def enter_command(init: int, *, network: bool = True, mounts: bool = True) -> list[str]:
    """A command prefix that runs what follows inside the instance, in its root directory."""
    left_out = {"net": not network, "mount": not mounts}
    chosen = [f"--{kind}" for kind in KINDS if not left_out.get(kind)]
    return ["nsenter", f"--target={init}", *chosen, "--"]


def run(
    instance: Instance, command: Sequence[str], *, input: str | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command inside the instance to its end, with its output captured.

    Raises CommandFailed with its output when it fails and `check` is set.
    """
    full = [*enter_command(require_init(instance)), *command]
    result = subprocess.run(
        full,
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if check and result.returncode != 0:
        raise CommandFailed(
            list(command),
            result.returncode,
            output=result.stdout + result.stderr,
            remedy=f"The node's logs are under {instance.logs}.",
        )
    return result


def start_daemon(
    instance: Instance,
    name: str,
    command: Sequence[str],
    *,
    network: bool = True,
    mounts: bool = True,
    again: bool = True,
) -> None:
    """Start a program in the instance's namespaces and cgroup; it outlives the caller and logs to `name`.log.

    With `again` it is started again when it ends. Without `network` or `mounts` it keeps the host's.
    """
    init = require_init(instance)
    pid_file = Path("/") / INSIDE / f"{name}.pid" if mounts else inside(init, f"{INSIDE}/{name}.pid")
    subprocess.run(
        [
            *cgroups.join_command(instance.cgroup, cgroups.hierarchies()),
            *enter_command(init, network=network, mounts=mounts),
            *("sh", "-ec", _LAUNCH, name, str(instance.logs / f"{name}.log"), str(pid_file)),
            *(["sh", "-c", _AGAIN, name] if again else []),
            *command,
        ],
        stdin=subprocess.DEVNULL,
        cwd="/",
        check=True,
    )


def daemon_pid(instance: Instance, name: str) -> int | None:
    """PID, as counted inside the instance, of a program that still runs, or of what starts it again."""
    init = init_pid(instance)
    if init is None:
        return None
    try:
        pid = int(inside(init, f"{INSIDE}/{name}.pid").read_text())
        state = inside(init, f"proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return None
    return pid if state not in "ZX" else None


def kill_daemon(instance: Instance, name: str) -> None:
    """End a started program and what is in its process group, at once."""
    pid = daemon_pid(instance, name)
    if pid is not None:
        run(instance, ["kill", "-KILL", "--", f"-{pid}"], check=False)
        wait_until(lambda: daemon_pid(instance, name) != pid, 10, interval=0.02)


def wait_until(condition: Callable[[], bool], timeout: float, interval: float = 0.05) -> bool:
    """Whether `condition` became true within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def _recorded_init(instance: Instance) -> int | None:
    """The first process, ready or not; a PID that was given to another process since does not count."""
    try:
        pid, start, boot = instance.init_record.read_text().split()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    if boot != Path("/proc/sys/kernel/random/boot_id").read_text().strip() or fields[19] != start:
        return None
    return int(pid) if fields[0] not in "ZX" else None


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
