"""Names, directories, addresses and host ports of an instance."""

import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools import paths
from tools.cluster.errors import Busy
from tools.errors import MissingPrerequisite

# Every instance's network is closed, so all of them use the same addresses.
NODE_IP = "198.18.0.2"
POD_CIDR = "10.244.0.0/24"
SERVICE_CIDR = "10.96.0.0/16"
DNS_IP = "10.96.0.10"

FIRST_PORT = 30400
PORTS = 32
LAST_PORT = 32767


@dataclass(frozen=True)
class Instance:
    """One local cluster, running or not. Makes no file by itself."""

    name: str
    dir: Path
    """Everything of the instance, this node's and the stack's; `down` removes it."""

    @classmethod
    def named(cls, name: str | None = None) -> "Instance":
        """The instance called `name`, by default `$INSTANCE`, else `local`.

        Raises UsageError when `$INSTANCE` is not a name for an instance.
        """
        name = name if name is not None else paths.instance()
        return cls(name, paths.state_dir(name).resolve())

    @property
    def node(self) -> Path:
        """The node's own files."""
        return self.dir / "node"

    @property
    def root(self) -> Path:
        """Holds the directories that lie over the host's inside the instance (/etc/kubernetes, …)."""
        return self.node / "root"

    @property
    def volumes(self) -> Path:
        """Data of the persistent volumes, one directory a volume."""
        return self.node / "volumes"

    @property
    def logs(self) -> Path:
        """Logs of the node's programs, one file a program."""
        return self.node / "log"

    @property
    def init_record(self) -> Path:
        """`PID START-TICKS BOOT-ID` of the instance's first process, written by that process."""
        return self.node / "init"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig for use from the host."""
        return self.dir / "kubeconfig"

    @property
    def port_table(self) -> Path:
        """JSON, `{"127.0.0.1:PORT": "ADDRESS:PORT"}`: what the forwarder forwards."""
        return self.node / "forward.json"

    @property
    def cgroup(self) -> str:
        """Name of the instance's cgroup in every hierarchy, distinct for each state directory."""
        return f"carbon-{self.name}-{hashlib.sha256(bytes(self.dir)).hexdigest()[:6]}"

    @property
    def node_name(self) -> str:
        return f"carbon-{self.name}"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the instance for changes; a second `up` or `down` is refused while one runs."""
        self.dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(
                    f"instance {self.name!r} is being changed by another command (state: {self.dir})",
                    remedy="Wait for it to end, or choose another INSTANCE.",
                ) from None
            yield
        finally:
            os.close(handle)


@dataclass(frozen=True)
class Ports:
    """The instance's block of host ports on 127.0.0.1."""

    base: int

    @property
    def api(self) -> int:
        """Where the API server answers."""
        return self.base

    def service(self, index: int) -> int:
        """The port of the `index`-th service, counted from 0.

        Raises ValueError beyond the block.
        """
        if not 0 <= index < PORTS - 1:
            raise ValueError(f"service index {index} is outside 0..{PORTS - 2}")
        return self.base + 1 + index


def ports(instance: Instance) -> Ports:
    """The instance's ports: the recorded block, or the first free one, which is recorded.

    Raises MissingPrerequisite when no block is free.
    """
    record = _port_record(instance)
    if record.exists():
        return Ports(json.loads(record.read_text())["base"])
    instance.node.mkdir(parents=True, exist_ok=True)
    with _state_lock(instance.dir.parent):
        taken = {
            json.loads(other.read_text())["base"] for other in instance.dir.parent.glob("*/node/ports.json")
        }
        for base in range(FIRST_PORT, LAST_PORT - PORTS + 2, PORTS):
            if base not in taken and all(is_free(port) for port in range(base, base + PORTS)):
                write_atomically(record, json.dumps({"base": base}))
                return Ports(base)
    raise MissingPrerequisite(
        f"no {PORTS} neighbouring ports are free on 127.0.0.1 between {FIRST_PORT} and {LAST_PORT}",
        remedy="Take another instance down, or stop the programs that listen there (ss -ltnp).",
    )


def recorded_ports(instance: Instance) -> Ports | None:
    """The instance's ports if it has any yet."""
    record = _port_record(instance)
    return Ports(json.loads(record.read_text())["base"]) if record.exists() else None


def is_free(port: int) -> bool:
    """Whether 127.0.0.1:port can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace `path` whole: a reader, or a kill in between, never sees half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    draft.replace(path)


def _port_record(instance: Instance) -> Path:
    return instance.node / "ports.json"


@contextmanager
def _state_lock(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
