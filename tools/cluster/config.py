"""Configuration of the node's programs, as pure functions of the instance."""

import json
from typing import Any

import yaml

from tools import versions
from tools.cluster import references
from tools.cluster.instance import DNS_IP, NODE_IP, POD_CIDR, SERVICE_CIDR, Instance

Object = dict[str, Any]

FLEX_VOLUMES = "/var/lib/kubelet/volumeplugins"
"""The usual place lies under /usr, which instances share with the host."""

REQUESTS = {
    "kube-apiserver": "150m",
    "kube-controller-manager": "50m",
    "kube-scheduler": "20m",
    "etcd": "100m",
}
"""CPU requests of the control plane, which are its weights on a busy machine. kubeadm's add up to most of a
two-core one."""
PATIENCE = "10m"
"""How long a node may be silent: it is the only one, so there is nowhere to move its pods, and a machine
starved of CPU is silent for minutes."""
PATIENT_PROBE: Object = {"periodSeconds": 30, "timeoutSeconds": 30, "failureThreshold": 20}
"""Of what everything else stands on: ten minutes without an answer restart it, a slow one does not."""


def containerd(cni_plugins: str, cni_config: str) -> str:
    """containerd's TOML; both arguments are directories."""
    return f"""version = 2
# Snapshotters and stores that are not used; "opt" would make a directory in the host's /opt.
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {json.dumps(references.PAUSE)}
  # Lowering a process's score needs CAP_SYS_RESOURCE, which not every root has.
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = {json.dumps(cni_plugins)}
  conf_dir = {json.dumps(cni_config)}
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
"""


def cni() -> str:
    """A point-to-point link a pod, routed by the node: traffic between pods passes its FORWARD chain."""
    conflist: Object = {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": True,
                "mtu": 1500,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": POD_CIDR}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    return json.dumps(conflist, indent=2)


def kubeadm(instance: Instance, patches: str) -> str:
    """kubeadm's YAML documents; `patches` is the directory that holds `patch_files`."""
    documents: list[Object] = [
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": NODE_IP, "bindPort": 6443},
            "nodeRegistration": {
                "name": instance.node_name,
                "criSocket": "unix:///run/containerd/containerd.sock",
                "imagePullPolicy": "Never",
                "taints": [],
                "kubeletExtraArgs": [{"name": "node-ip", "value": NODE_IP}],
            },
            "patches": {"directory": patches},
        },
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "clusterName": instance.node_name,
            "kubernetesVersion": f"v{versions.KUBERNETES}",
            "imageRepository": references.REGISTRY,
            # An order of magnitude faster to make than the default RSA keys.
            "encryptionAlgorithm": "ECDSA-P256",
            "networking": {"podSubnet": POD_CIDR, "serviceSubnet": SERVICE_CIDR},
            "apiServer": {
                "certSANs": ["127.0.0.1", "localhost"],
                "extraArgs": [
                    {"name": "default-not-ready-toleration-seconds", "value": "3600"},
                    {"name": "default-unreachable-toleration-seconds", "value": "3600"},
                ],
            },
            # One of each: electing a leader only makes a restart wait for the old one's lease.
            "controllerManager": {
                "extraArgs": [
                    {"name": "leader-elect", "value": "false"},
                    {"name": "node-monitor-grace-period", "value": PATIENCE},
                    {"name": "flex-volume-plugin-dir", "value": FLEX_VOLUMES},
                ]
            },
            "scheduler": {"extraArgs": [{"name": "leader-elect", "value": "false"}]},
            "dns": {"imageTag": references.COREDNS_TAG},
            "etcd": {
                "local": {
                    "dataDir": "/var/lib/etcd",
                    "imageTag": references.ETCD_TAG,
                    # The only member: nobody waits for its heartbeat.
                    "extraArgs": [
                        {"name": "heartbeat-interval", "value": "1000"},
                        {"name": "election-timeout", "value": "10000"},
                    ],
                }
            },
        },
        kubelet(instance),
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            # The size of the connection table belongs to the whole machine.
            "conntrack": {"maxPerCore": 0, "min": 0},
        },
    ]
    return yaml.safe_dump_all(documents, sort_keys=False)


def kubelet(instance: Instance) -> Object:
    """The kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{instance.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        # A call that starts a container may take long on a busy machine; given up, it would be made again.
        "runtimeRequestTimeout": PATIENCE,
        "volumePluginDir": FLEX_VOLUMES,
        "resolvConf": "/etc/resolv.conf",
        "clusterDNS": [DNS_IP],
        # A container that was killed on purpose again and again still comes back soon.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "10s"},
        # A developer's disk is often nearly full, and images that were removed could not be pulled again.
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1Gi",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1Gi",
            "imagefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }


def patch_files() -> dict[str, str]:
    """kubeadm patches, file name to YAML."""
    return {f"{name}+strategic.yaml": yaml.safe_dump(_patch(name, cpu)) for name, cpu in REQUESTS.items()}


def _patch(name: str, cpu: str) -> Object:
    # The start's periods stay short, so that it is seen at once.
    container: Object = {
        "name": name,
        "resources": {"requests": {"cpu": cpu}},
        "livenessProbe": PATIENT_PROBE,
        "startupProbe": {"timeoutSeconds": 30, "failureThreshold": 120},
    }
    return {"spec": {"containers": [container]}}
