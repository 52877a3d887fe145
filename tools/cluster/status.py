"""What an instance's node is doing."""

from dataclasses import asdict, dataclass, field

from tools.cluster import forward, kube, namespaces, node, up
from tools.cluster.instance import Instance

DAEMONS = ("containerd", "kubelet", node.POLICIES, forward.DAEMON)


@dataclass(frozen=True)
class Status:
    """A node as it is now.

    Attributes:
        running: its namespaces exist.
        daemons: the node's programs, and whether each does its work, or is at least started again and again.
        api: the API server is ready.
        waiting: what workloads need and is not ready; empty when all is, or when the API server is away.
        ports: host address to address inside.
    """

    instance: str
    directory: str
    running: bool
    daemons: dict[str, bool] = field(default_factory=dict[str, bool])
    api: bool = False
    waiting: list[str] = field(default_factory=list[str])
    ports: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def healthy(self) -> bool:
        """Whether everything runs that `up` starts."""
        return self.running and self.api and all(self.daemons.values()) and not self.waiting

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "healthy": self.healthy}


def status(instance: Instance) -> Status:
    """Look at the instance; changes nothing and raises nothing for a node that is not there."""
    if namespaces.init_pid(instance) is None:
        return Status(instance.name, str(instance.dir), running=False)
    daemons = {name: namespaces.daemon_pid(instance, name) is not None for name in DAEMONS}
    daemons[node.POLICIES] &= node.enforces_policies(instance)
    api = kube.answers(instance)
    waiting = up.unready(kube.get(instance, "nodes,pods", "--all-namespaces")["items"]) if api else []
    table = forward.table(instance)
    return Status(instance.name, str(instance.dir), True, daemons, api, waiting, table)
