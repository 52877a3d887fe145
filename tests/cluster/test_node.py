"""The node itself: brought up through every interruption, used, broken, resumed and removed without a trace.

Works on instances of its own, in a state directory of its own; the tests follow each other in this order.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster import census
from tools import image_build, paths, toolchain
from tools.cluster import external, faults, forward, kube, namespaces, node, references, up
from tools.cluster import status as state
from tools.cluster.instance import Instance, is_free, ports
from tools.image_build import Image

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(os.geteuid() != 0, reason="a node needs root")]

STEPS = [step.name for step in up.steps([])]
NAMESPACE = "node-test"
UP = ("up", "--memory=1")
"""A node without the stack, beside one that may have it."""
PONG = 'exec 3<>/dev/tcp/{host}/80 && echo ping >&3 && read -r answer <&3 && echo "$answer"'


@pytest.fixture(scope="module", autouse=True)
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state directory that is not the person's; whatever runs in it at the end is taken down."""
    with pytest.MonkeyPatch.context() as environment:
        where = tmp_path_factory.mktemp("instances") / "state"
        environment.setenv("CARBON_STATE", str(where))
        environment.delenv("KUBE_CONTEXT", raising=False)
        yield where
        for name in ("node", "peer"):
            tools("down", instance=name)


@pytest.fixture(scope="module")
def instance(directory: Path) -> Instance:
    return Instance.named("node")


@pytest.fixture(scope="module")
def peer(directory: Path) -> Instance:
    return Instance.named("peer")


@pytest.fixture(scope="module")
def before(instance: Instance) -> dict[str, list[str]]:
    """What there was on the machine before the first test."""
    return census.take(instance)


def tools(
    *arguments: str, instance: str = "node", stop_after: str = "", code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run `python -m tools cluster …` and check its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "tools", "cluster", *arguments],
        cwd=paths.ROOT,
        env=os.environ | {"INSTANCE": instance, up.STOP_AFTER: stop_after},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def kubectl(instance: Instance, *arguments: str, input: str | None = None) -> str:
    """kubectl on the host, through the instance's forwarded port."""
    return subprocess.run(
        [toolchain.path("kubectl"), f"--kubeconfig={instance.kubeconfig}", *arguments],
        input=input,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def ping(instance: Instance, pod: str, host: str = "server") -> str:
    """What a pod gets from the server within 2 s: "pong", or nothing."""
    script = PONG.format(host=host)
    command = ["exec", "-n", NAMESPACE, pod, "--", "timeout", "2", "bash", "-c", f"{script} || true"]
    done = subprocess.run(
        [toolchain.path("kubectl"), f"--kubeconfig={instance.kubeconfig}", *command],
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 124), done.stderr
    return done.stdout.strip()


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), timeout=2) as connection:
            connection.sendall(b"GET /v2/ HTTP/1.0\r\n\r\n")
            return connection.recv(12).endswith(b"200")
    except OSError:
        return False


def until(condition: object, limit: float = 60) -> None:
    assert callable(condition)
    assert namespaces.wait_until(lambda: bool(condition()), limit, interval=0.2), "not within the limit"


def test_machine_that_cannot_carry_a_node_is_left_alone(before: object, instance: Instance) -> None:
    """A taken port is found out before anything is made."""
    taken = ports(instance).service(0)
    left = census.take(instance)["files"]
    with socket.create_server(("127.0.0.1", taken)):
        done = tools(*UP, code=3)
    assert str(taken) in done.stderr
    assert census.take(instance)["files"] == left
    assert not list(census.processes(instance))


@pytest.mark.parametrize("step", STEPS[: STEPS.index("control-plane")])
def test_up_is_killed_before_the_control_plane(step: str) -> None:
    tools(*UP, stop_after=step, code=-signal.SIGKILL)


def test_up_and_kubeadm_are_killed_while_it_works(instance: Instance) -> None:
    command = [sys.executable, "-m", "tools", "cluster", *UP]
    environment = os.environ | {"INSTANCE": "node"}
    begun, manifests = instance.node / "init-begun", instance.root / "etc/kubernetes/manifests"
    process = subprocess.Popen(command, cwd=paths.ROOT, env=environment, stderr=subprocess.DEVNULL)
    until(lambda: begun.exists() and manifests.is_dir() and any(manifests.iterdir()))
    process.kill()
    process.wait()
    init = namespaces.require_init(instance)
    os.kill(init, signal.SIGKILL)
    assert not node.is_initialised(instance)


@pytest.mark.parametrize("step", STEPS[STEPS.index("control-plane") :])
def test_up_is_killed_from_the_control_plane_on(step: str) -> None:
    tools(*UP, stop_after=step, code=-signal.SIGKILL)


def test_up_completes_it(instance: Instance) -> None:
    tools(*UP)
    found = json.loads(tools("status").stdout)
    assert found["healthy"]
    assert found["ports"] == {f"127.0.0.1:{ports(instance).api}": "198.18.0.2:6443"}


def test_pods_of_the_host_side_kubeconfig_run(instance: Instance) -> None:
    assert instance.kubeconfig.stat().st_mode & 0o777 == 0o600
    manifest = (Path(__file__).with_name("pods.yaml")).read_text().replace("${IMAGE}", references.KUBE_PROXY)
    kubectl(instance, "apply", "-f", "-", input=manifest)
    kubectl(instance, "wait", "-n", NAMESPACE, "--for=condition=Ready", "pods", "--all", "--timeout=60s")
    kubectl(instance, "exec", "-n", NAMESPACE, "server", "--", "sh", "-c", "echo kept > /data/file")
    [volume] = instance.volumes.iterdir()
    assert (volume / "file").read_text() == "kept\n"


def test_network_policy_denies_the_stranger_only(instance: Instance) -> None:
    until(lambda: ping(instance, "friend") == "pong")
    assert ping(instance, "stranger") == ""
    kubectl(instance, "delete", "networkpolicy", "-n", NAMESPACE, "server")
    until(lambda: ping(instance, "stranger") == "pong")


def test_names_outside_are_answered_at_once(instance: Instance) -> None:
    lookup = ["exec", "-n", NAMESPACE, "friend", "--", "bash", "-c"]
    script = "timeout 2 getent hosts example.org; echo $?"
    assert kubectl(instance, *lookup, script).strip() == "2"


def test_metrics_are_measured(instance: Instance) -> None:
    def measured() -> bool:
        done = namespaces.run(
            instance,
            [str(toolchain.path("kubectl")), f"--kubeconfig={kube.ADMIN}", "top", "nodes", "--no-headers"],
            check=False,
        )
        return done.returncode == 0 and instance.node_name in done.stdout

    until(measured)


def test_host_port_leads_to_a_service(instance: Instance) -> None:
    service = kubectl(
        instance, "get", "service", "-n", NAMESPACE, "server", "-o", "jsonpath={.spec.clusterIP}"
    )
    port = ports(instance).service(0)
    forward.set_table(instance, {f"127.0.0.1:{port}": f"{service}:80"})
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(b"ping\n")
        assert connection.makefile("rb").readline() == b"pong\n"
    assert kubectl(instance, "get", "--raw", "/readyz") == "ok"


def test_cut_drops_packets_of_established_connections_and_heals(instance: Instance) -> None:
    address = kubectl(instance, "get", "pod", "-n", NAMESPACE, "server", "-o", "jsonpath={.status.podIP}")
    script = (
        f"exec 3<>/dev/tcp/{address}/8080; while echo ping >&3 && read -r a <&3; do echo $a; sleep 0.1; done"
    )
    talk = subprocess.Popen(
        [
            *(toolchain.path("kubectl"), f"--kubeconfig={instance.kubeconfig}"),
            *("exec", "-n", NAMESPACE, "friend", "--", "timeout", "60", "bash", "-c", script),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert talk.stdout is not None
    assert talk.stdout.readline() == "pong\n"
    cut = faults.cut(instance, 4, faults.pod_addresses(instance, NAMESPACE, "app=server"))
    assert cut.active()
    assert ping(instance, "stranger") == "", "a new connection got through"
    assert cut.wait() > 3, "only the new connection met the cut"
    assert not cut.active()
    assert ping(instance, "stranger") == "pong"
    # What was said before the cut may still be on its way: more than that has to come.
    for _ in range(30):
        assert talk.stdout.readline() == "pong\n", "the established connection did not outlive the cut"
    talk.kill()
    talk.wait()


def test_killed_programs_are_started_again_and_pods_never_stop(instance: Instance) -> None:
    started = kubectl(instance, "get", "pods", "-n", NAMESPACE, "-o", "jsonpath={..startedAt}")
    for name in state.DAEMONS:
        namespaces.kill_daemon(instance, name)
    assert not any(state.status(instance).daemons.values())
    tools("status", code=1)
    tools(*UP)
    until(lambda: state.status(instance).healthy)
    assert kubectl(instance, "get", "pods", "-n", NAMESPACE, "-o", "jsonpath={..startedAt}") == started
    assert ping(instance, "friend") == "pong"


def test_second_instance_never_meets_the_first(instance: Instance, peer: Instance) -> None:
    tools(*UP, instance="peer")
    assert state.status(peer).healthy
    assert ports(peer).api != ports(instance).api
    assert f"namespace/{NAMESPACE}" not in kubectl(peer, "get", "namespaces", "-o", "name")
    # Both use the same addresses: what answers there is each one's own.
    nodes = [kubectl(each, "get", "nodes", "-o", "name").strip() for each in (instance, peer)]
    assert nodes == ["node/carbon-node", "node/carbon-peer"]


def test_existing_cluster_pulls_from_the_registry_that_is_pushed_to(
    peer: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second instance as a cluster that exists, with a registry both it and this machine reach."""
    port = ports(peer).service(0)
    program = Path(__file__).with_name("registry.py")
    namespaces.start_daemon(peer, "registry", [sys.executable, str(program), str(port)])
    forward.set_table(peer, {f"127.0.0.1:{port}": f"127.0.0.1:{port}"})
    until(lambda: _accepts(port))
    monkeypatch.setenv("KUBE_CONTEXT", f"kubernetes-admin@{peer.node_name}")
    monkeypatch.setenv("IMAGE_REGISTRY", f"localhost:{port}")
    archive = dict(image_build.node_images())[references.PAUSE]
    reference = f"localhost:{port}/carbon/pause:test"
    external.load_images([Image("pause", reference, archive, references.PAUSE)])
    kubectl(peer, "run", "pulled", f"--image={reference}", "--image-pull-policy=Always")
    kubectl(peer, "wait", "--for=condition=Ready", "pod/pulled", "--timeout=60s")


def test_first_instance_does_not_notice_that_the_second_goes(instance: Instance, peer: Instance) -> None:
    pods = kubectl(instance, "get", "pods", "-A", "-o", "name")
    tools("down", instance="peer")
    assert not peer.dir.exists()
    until(lambda: state.status(instance).healthy)
    assert kubectl(instance, "get", "pods", "-A", "-o", "name") == pods
    assert ping(instance, "friend") == "pong"


def test_node_that_lost_its_namespaces_comes_back_with_its_data(instance: Instance) -> None:
    """What a restart of the machine leaves: files, and nothing that runs."""
    os.kill(namespaces.require_init(instance), signal.SIGKILL)
    until(lambda: namespaces.init_pid(instance) is None)
    tools(*UP)
    until(lambda: ping(instance, "friend") == "pong")
    kept = kubectl(instance, "exec", "-n", NAMESPACE, "server", "--", "cat", "/data/file")
    assert kept == "kept\n"


def test_down_leaves_nothing(instance: Instance, before: dict[str, list[str]], directory: Path) -> None:
    running = census.take(instance)
    assert running["processes"], "the census sees no process"
    assert running["cgroups"], "the census sees no cgroup"
    assert running["files"], "the census sees no file"
    for kind in ("mounts", "links", "packet filter", "settings"):
        assert running[kind] == before[kind], "an instance changes its host even while it runs"
    api = ports(instance).api
    tools("down")
    assert census.take(instance) == before
    assert not directory.exists()
    assert is_free(api)


@pytest.mark.parametrize("step", ["ports", "namespaces", "containerd", "kubelet"])
def test_down_of_a_half_made_node_leaves_nothing(
    instance: Instance, before: dict[str, list[str]], step: str
) -> None:
    tools(*UP, stop_after=step, code=-signal.SIGKILL)
    tools("down")
    assert census.take(instance) == before


def test_down_of_what_is_not_there_says_so() -> None:
    assert "not there" in tools("down").stderr


def test_existing_cluster_is_left_alone(monkeypatch: pytest.MonkeyPatch, instance: Instance) -> None:
    there, running = instance.dir.exists(), namespaces.init_pid(instance)
    monkeypatch.setenv("KUBE_CONTEXT", "kind-dev")
    for command in ("up", "down", "status", "cut"):
        assert "KUBE_CONTEXT=kind-dev" in tools(command).stderr
    assert (instance.dir.exists(), namespaces.init_pid(instance)) == (there, running)
