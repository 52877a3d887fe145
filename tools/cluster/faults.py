"""Faults made on purpose: the network between pods cut for a while, a pod's processes killed."""

import ipaddress
import json
import os
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tools.cluster import cgroups, kube, namespaces
from tools.cluster.instance import Instance
from tools.errors import UsageError

CHAIN = "CARBON-CUT"
DAEMON = "cut"
_TABLE = ["iptables", "-w", "-t", "mangle"]

# Runs inside the instance, so that the cut heals whatever becomes of its caller. The chain is left behind
# unlinked: its counters tell how many packets the cut met.
_CUT = """
iptables -w -t mangle -I FORWARD 1 -j "$2"
sleep "$1"
iptables -w -t mangle -D FORWARD -j "$2"
"""


@dataclass(frozen=True)
class Cut:
    """A cut that was begun; it heals by itself after its time."""

    instance: Instance
    seconds: float

    def active(self) -> bool:
        """Whether packets are being dropped now."""
        return namespaces.daemon_pid(self.instance, DAEMON) is not None

    def wait(self) -> int:
        """Wait until the network is whole again; the number of packets that were dropped."""
        if not namespaces.wait_until(lambda: not self.active(), self.seconds + 30, interval=0.1):
            heal(self.instance)
        return self.dropped()

    def dropped(self) -> int:
        """Packets dropped so far."""
        listing = namespaces.run(self.instance, [*_TABLE, "-L", CHAIN, "-v", "-x", "-n"]).stdout
        return sum(int(line.split()[0]) for line in listing.splitlines() if " DROP " in line)


def cut(instance: Instance, seconds: float, pod_ips: Sequence[str] = ()) -> Cut:
    """Drop every packet that pods exchange, of established connections too, for `seconds`.

    With `pod_ips` only packets from or to these. In force on return; the node's own traffic, such as
    probes and host ports, is let through. A cut in force is replaced.
    Raises UsageError for an address that is none or a time that is not positive.
    """
    if seconds <= 0:
        raise UsageError(f"a cut of {seconds} seconds is none", remedy="Give a positive number of seconds.")
    rules = _rules(pod_ips)
    heal(instance)
    namespaces.run(instance, [*_TABLE, "-N", CHAIN], check=False)
    namespaces.run(instance, [*_TABLE, "-F", CHAIN])
    for rule in rules:
        namespaces.run(instance, [*_TABLE, "-A", CHAIN, *rule, "-j", "DROP"])
    namespaces.start_daemon(instance, DAEMON, ["sh", "-ec", _CUT, "cut", str(seconds), CHAIN], again=False)
    begun = Cut(instance, seconds)
    linked = [*_TABLE, "-C", "FORWARD", "-j", CHAIN]
    namespaces.wait_until(
        lambda: not begun.active() or namespaces.run(instance, linked, check=False).returncode == 0, 10
    )
    return begun


def heal(instance: Instance) -> None:
    """End a cut, if there is one."""
    namespaces.kill_daemon(instance, DAEMON)
    while namespaces.run(instance, [*_TABLE, "-D", "FORWARD", "-j", CHAIN], check=False).returncode == 0:
        continue


def crash(instance: Instance, uid: str) -> int:
    """Kill every process of a pod at once, as a crash does; how many there were.

    Deleting the pod without a grace period is another thing: Kubernetes then makes a second one while the
    first still runs, so that two brokers or two databases have one folder.
    """
    killed = 0
    for pid in cgroups.processes(instance.cgroup, cgroups.hierarchies(), uid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def pod_addresses(instance: Instance, namespace: str, selector: str) -> list[str]:
    """Addresses of the running pods that a label selector picks.

    Raises UsageError when there is none, which would make a cut meet nothing.
    """
    found = json.loads(kube.kubectl(instance, "get", "pods", "-n", namespace, "-l", selector, "-o", "json"))
    addresses = [pod["status"]["podIP"] for pod in found["items"] if pod["status"].get("podIP")]
    if not addresses:
        raise UsageError(
            f"no running pod in namespace {namespace!r} has labels {selector!r}",
            remedy="Look at `kubectl get pods --show-labels`.",
        )
    return addresses


def _rules(pod_ips: Iterable[str]) -> list[list[str]]:
    try:
        addresses = [str(ipaddress.ip_address(address)) for address in pod_ips]
    except ValueError as error:
        raise UsageError(str(error), remedy="Give addresses of pods (kubectl get pods -o wide).") from error
    return [[side, address] for address in addresses for side in ("-s", "-d")] or [[]]
