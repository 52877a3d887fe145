import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.cluster import addons, config, references, up
from tools.cluster.instance import DNS_IP, Instance
from tools.errors import UsageError


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance("one", tmp_path / "one")


@pytest.fixture
def kubeadm(instance: Instance) -> dict[str, Any]:
    documents = yaml.safe_load_all(config.kubeadm(instance, "/patches"))
    return {document["kind"]: document for document in documents}


def test_host_may_reach_the_api_server_through_its_port(kubeadm: dict[str, Any]) -> None:
    assert "127.0.0.1" in kubeadm["ClusterConfiguration"]["apiServer"]["certSANs"]


def test_kubelet_stays_in_the_instance(kubeadm: dict[str, Any], instance: Instance) -> None:
    kubelet = kubeadm["KubeletConfiguration"]
    assert kubelet["cgroupRoot"] == f"/{instance.cgroup}"
    assert kubelet["clusterDNS"] == [DNS_IP]
    assert not kubelet["volumePluginDir"].startswith("/usr")


def test_unused_images_are_never_collected(kubeadm: dict[str, Any]) -> None:
    assert kubeadm["KubeletConfiguration"]["imageGCHighThresholdPercent"] == 100


def test_kubeadm_asks_for_the_images_that_are_made(kubeadm: dict[str, Any]) -> None:
    cluster = kubeadm["ClusterConfiguration"]
    repository = cluster["imageRepository"]
    assert f"{repository}/kube-apiserver:{cluster['kubernetesVersion']}" in references.ALL
    assert f"{repository}/etcd:{cluster['etcd']['local']['imageTag']}" in references.ALL
    assert f"{repository}/coredns/coredns:{cluster['dns']['imageTag']}" in references.ALL
    containerd = tomllib.loads(config.containerd("/plugins", "/networks"))
    assert containerd["plugins"]["io.containerd.grpc.v1.cri"]["sandbox_image"] in references.ALL


def test_addons_run_images_that_are_made() -> None:
    found: set[str] = set()
    for text in addons.manifests():
        for document in yaml.safe_load_all(text):
            if document["kind"] == "Deployment":
                containers = document["spec"]["template"]["spec"]["containers"]
                found |= {container["image"] for container in containers}
    assert found == {references.METRICS_SERVER, references.LOCAL_PATH_PROVISIONER}


def test_scripts_in_manifests_keep_their_variables() -> None:
    assert 'mkdir -m 0777 -p "$VOL_DIR"' in "".join(addons.manifests())


def test_coredns_is_fitted_to_one_small_node() -> None:
    generated = """\
[patches] words for a person
---apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: coredns
        readinessProbe: {httpGet: {path: /ready}, periodSeconds: 10}
        resources: {requests: {cpu: 100m}}
---
apiVersion: v1
kind: ConfigMap
data: {Corefile: ". { forward . /etc/resolv.conf }"}
"""
    deployment, names = yaml.safe_load_all(addons.coredns(generated))
    assert deployment["spec"]["replicas"] == 1
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["requests"]["cpu"] == "20m"
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready"}
    assert container["readinessProbe"]["periodSeconds"] == 1
    assert "forward" not in names["data"]["Corefile"]


def pod(name: str, app: str, *, ready: bool, **metadata: Any) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"k8s-app": app}, **metadata},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [
                {"state": {"running": {}} if ready else {"waiting": {"reason": "ErrImageNeverPull"}}}
            ],
        },
    }


def cluster(*pods: dict[str, Any], node_ready: bool = True) -> list[dict[str, Any]]:
    conditions = [{"type": "Ready", "status": str(node_ready)}]
    node = {"kind": "Node", "metadata": {"name": "node"}, "status": {"conditions": conditions}}
    return [node, *pods]


NEEDED = [pod(f"{app}-1", app, ready=True) for app in up.NEEDED_PODS]


def test_ready_cluster_waits_for_nothing() -> None:
    assert up.unready(cluster(*NEEDED)) == []


def test_what_is_not_ready_is_named_with_its_reason() -> None:
    last = pod("dns-2", up.NEEDED_PODS[-1], ready=False)
    assert up.unready(cluster(*NEEDED[:-1], last)) == ["dns-2 (ErrImageNeverPull)"]
    assert up.unready(cluster(*NEEDED[:-1])) == [f"no pod of {up.NEEDED_PODS[-1]}"]
    assert up.unready(cluster(*NEEDED, node_ready=False)) == ["node"]


def test_other_pods_and_those_leaving_are_not_waited_for() -> None:
    other = pod("workload", "workload", ready=False)
    leaving = pod("old", up.NEEDED_PODS[0], ready=False, deletionTimestamp="2026-01-01T00:00:00Z")
    assert up.unready(cluster(*NEEDED, other, leaving)) == []


def test_cut_of_what_is_no_address_is_refused_before_anything_is_done(instance: Instance) -> None:
    from tools.cluster import faults

    with pytest.raises(UsageError, match="server-0"):
        faults.cut(instance, 30, ["server-0"])
    with pytest.raises(UsageError, match="-1 seconds"):
        faults.cut(instance, -1)


def test_the_control_plane_is_given_ten_minutes_before_it_is_restarted() -> None:
    patches = config.patch_files()
    assert {name.split("+")[0] for name in patches} == set(config.REQUESTS)
    for text in patches.values():
        (container,) = yaml.safe_load(text)["spec"]["containers"]
        live = container["livenessProbe"]
        assert live["periodSeconds"] * live["failureThreshold"] >= 600


def test_pods_of_a_silent_node_are_left_on_it(kubeadm: dict[str, Any]) -> None:
    def given(part: str) -> dict[str, str]:
        args = kubeadm["ClusterConfiguration"][part]["extraArgs"]
        return {each["name"]: each["value"] for each in args}

    assert given("controllerManager")["node-monitor-grace-period"] == config.PATIENCE
    assert int(given("apiServer")["default-not-ready-toleration-seconds"]) > 600
