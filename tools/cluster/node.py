"""The node's programs inside an instance: containerd, the kubelet, kubeadm's control plane, policies."""

import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from tools import debian, toolchain
from tools.cluster import config, kube, namespaces
from tools.cluster.instance import Instance, ports, write_atomically
from tools.errors import MissingPrerequisite, ToolError

PROGRAMS = ("kubeadm", "kubelet", "kubectl", "kube-network-policies")
KUBELET = Path(__file__).with_name("kubelet.sh")
POLICIES = "kube-network-policies"
QUEUE = "100"
IMPORTS_AT_ONCE = 2
MADE_BY_INIT = ("etc/kubernetes", "var/lib/kubelet", "var/lib/etcd", "var/log/pods", "var/log/containers")

# Phases without a use here: CoreDNS is applied as an add-on, and no other node ever joins.
SKIPPED_PHASES = "preflight,addon/coredns,bootstrap-token,show-join-command"


def start_containerd(instance: Instance) -> None:
    """Have containerd run and answer."""
    networks = instance.node / "cni"
    networks.mkdir(exist_ok=True)
    write_atomically(networks / "10-pods.conflist", config.cni())
    settings = instance.node / "containerd.toml"
    write_atomically(settings, config.containerd(str(Path(_program("ptp")).parent), str(networks)))
    if namespaces.daemon_pid(instance, "containerd") is None:
        namespaces.start_daemon(instance, "containerd", [_program("containerd"), "--config", str(settings)])

    def answers_or_ended() -> bool:
        return _answers(instance) or namespaces.daemon_pid(instance, "containerd") is None

    namespaces.wait_until(answers_or_ended, 30)
    if not _answers(instance):
        raise ToolError("containerd does not answer", log=instance.logs / "containerd.log")


def load_images(instance: Instance, images: Iterable[tuple[str, Path]]) -> list[str]:
    """Import docker archives, each given with the image's name; the names of those that were missing.

    An image is skipped when the node has it from the same archive (same size and time of change).
    Raises CommandFailed when an archive cannot be imported.
    """
    record = instance.node / "images.json"
    known: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    present = set(ctr(instance, "images", "list", "--quiet").split())
    wanted = {name: (Path(archive), _fingerprint(Path(archive))) for name, archive in images}
    missing = [name for name, (_, mark) in wanted.items() if name not in present or known.get(name) != mark]

    def load(name: str) -> None:
        ctr(instance, "images", "import", str(wanted[name][0].resolve()))

    with ThreadPoolExecutor(IMPORTS_AT_ONCE) as pool:
        list(pool.map(load, missing))
    if missing:
        absent = set(missing) - set(ctr(instance, "images", "list", "--quiet").split())
        if absent:
            raise ToolError(
                f"archives did not hold the images they were given for: {', '.join(sorted(absent))}",
                remedy="Build them again: `python -m tools images`.",
            )
        write_atomically(record, json.dumps(known | {name: wanted[name][1] for name in missing}, indent=1))
    return missing


def ctr(instance: Instance, *arguments: str) -> str:
    """Standard output of ctr in Kubernetes's namespace. Raises CommandFailed."""
    return namespaces.run(instance, [_program("ctr"), "--namespace", "k8s.io", *arguments]).stdout


def start_kubelet(instance: Instance) -> None:
    """Have the kubelet run, or wait for kubeadm's files."""
    if namespaces.daemon_pid(instance, "kubelet") is None:
        kubelet = str(toolchain.path("kubelet"))
        namespaces.start_daemon(instance, "kubelet", ["sh", str(KUBELET), kubelet])


def initialise(instance: Instance) -> None:
    """Make the control plane, once; its host-side kubeconfig is written afterwards.

    Raises CommandFailed with kubeadm's output.
    """
    if not is_initialised(instance):
        patches = instance.node / "patches"
        patches.mkdir(exist_ok=True)
        for name, text in config.patch_files().items():
            write_atomically(patches / name, text)
        write_atomically(_kubeadm_config(instance), config.kubeadm(instance, str(patches)))
        _begun(instance).touch()
        result = kubeadm(instance, "init", f"--skip-phases={SKIPPED_PHASES}")
        write_atomically(instance.logs / "kubeadm.log", result)
        _finished(instance).touch()
    write_kubeconfig(instance)


def is_initialised(instance: Instance) -> bool:
    """Whether `kubeadm init` ran to its end."""
    return _finished(instance).exists()


def discard_half_made(instance: Instance) -> bool:
    """Drop what a `kubeadm init` that was cut short left, images apart; whether there was anything.

    It cannot be continued: static pods of it may run, so the namespaces end too.
    """
    if is_initialised(instance) or not _begun(instance).exists():
        return False
    namespaces.end(instance)
    for directory in MADE_BY_INIT:
        shutil.rmtree(instance.root / directory, ignore_errors=True)
    _begun(instance).unlink()
    return True


def write_kubeconfig(instance: Instance) -> None:
    """The administrator's kubeconfig for the host, readable by its owner only."""
    admin = yaml.safe_load((instance.root / kube.ADMIN.lstrip("/")).read_text())
    for cluster in admin["clusters"]:
        cluster["cluster"]["server"] = f"https://127.0.0.1:{ports(instance).api}"
    write_atomically(instance.kubeconfig, yaml.safe_dump(admin, sort_keys=False), mode=0o600)


def kubeadm(instance: Instance, *arguments: str) -> str:
    """kubeadm's standard output, with the instance's configuration. Raises CommandFailed."""
    command = [str(toolchain.path("kubeadm")), *arguments, "--config", str(_kubeadm_config(instance))]
    return namespaces.run(instance, command).stdout


def coredns_manifest(instance: Instance) -> str:
    """CoreDNS's objects as kubeadm would make them, in YAML."""
    return kubeadm(instance, "init", "phase", "addon", "coredns", "--print-manifest")


def start_policies(instance: Instance) -> None:
    """Have NetworkPolicies enforced: each new connection between pods is queued for a verdict.

    The queue stands in the mangle table, where kube-proxy's rules cannot accept a packet before it, and has
    no bypass: without the program new connections wait, instead of being let through.
    """
    kubeconfig = f"/etc/kubernetes/{POLICIES}.conf"
    if not (instance.root / kubeconfig.lstrip("/")).exists():
        text = kubeadm(instance, "kubeconfig", "user", f"--client-name={POLICIES}")
        write_atomically(instance.root / kubeconfig.lstrip("/"), text, mode=0o600)
    if namespaces.daemon_pid(instance, POLICIES) is None:
        namespaces.start_daemon(
            instance,
            POLICIES,
            [
                str(toolchain.path(POLICIES)),
                *(f"--kubeconfig={kubeconfig}", f"--hostname-override={instance.node_name}"),
                *(f"--nfqueue-id={QUEUE}", "--fail-open=false", "--disable-nri"),
                "--metrics-bind-address=127.0.0.1:9080",
            ],
        )
    rule = ["FORWARD", "-m", "conntrack", "--ctstate", "NEW", "-j", "NFQUEUE", "--queue-num", QUEUE]
    table = ["iptables", "-w", "-t", "mangle"]
    if namespaces.run(instance, [*table, "-C", *rule], check=False).returncode != 0:
        namespaces.run(instance, [*table, "-A", *rule])
    if not namespaces.wait_until(lambda: enforces_policies(instance), 60):
        raise ToolError("network policies are not enforced", log=instance.logs / f"{POLICIES}.log")


def enforces_policies(instance: Instance) -> bool:
    """Whether the enforcer takes connections from its queue."""
    init = namespaces.require_init(instance)
    queues = Path(f"/proc/{init}/net/netfilter/nfnetlink_queue").read_text().splitlines()
    return any(line.split()[0] == QUEUE for line in queues)


def has_services(instance: Instance) -> bool:
    """Whether kube-proxy's rules lead to the API server's service."""
    rules = namespaces.run(instance, ["iptables", "-w", "-t", "nat", "-S", "KUBE-SERVICES"], check=False)
    return "default/kubernetes:https" in rules.stdout


def _answers(instance: Instance) -> bool:
    return namespaces.run(instance, [_program("ctr"), "version"], check=False).returncode == 0


def _fingerprint(archive: Path) -> str:
    status = archive.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


def _program(name: str) -> str:
    found = debian.on_host(name)
    if found is None:
        package = debian.NODE.get(name, "containerd")
        raise MissingPrerequisite(f"{name} is missing", remedy=f"apt-get install {package}")
    return str(found)


def _kubeadm_config(instance: Instance) -> Path:
    return instance.node / "kubeadm.yaml"


def _begun(instance: Instance) -> Path:
    return instance.node / "init-begun"


def _finished(instance: Instance) -> Path:
    return instance.node / "init-finished"
