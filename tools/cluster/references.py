"""Names of the images that the node itself runs: those that kubeadm asks for, and the add-ons'."""

from tools import versions

REGISTRY = "registry.k8s.io"

KUBE_APISERVER = f"{REGISTRY}/kube-apiserver:v{versions.KUBERNETES}"
KUBE_CONTROLLER_MANAGER = f"{REGISTRY}/kube-controller-manager:v{versions.KUBERNETES}"
KUBE_SCHEDULER = f"{REGISTRY}/kube-scheduler:v{versions.KUBERNETES}"
KUBE_PROXY = f"{REGISTRY}/kube-proxy:v{versions.KUBERNETES}"
ETCD_TAG = f"{versions.ETCD}-0"
ETCD = f"{REGISTRY}/etcd:{ETCD_TAG}"
COREDNS_TAG = f"v{versions.COREDNS}"
COREDNS = f"{REGISTRY}/coredns/coredns:{COREDNS_TAG}"
PAUSE = f"{REGISTRY}/pause:{versions.PAUSE}"
METRICS_SERVER = f"{REGISTRY}/metrics-server/metrics-server:v{versions.METRICS_SERVER}"
LOCAL_PATH_PROVISIONER = f"docker.io/rancher/local-path-provisioner:v{versions.LOCAL_PATH_PROVISIONER}"

CONTROL_PLANE = (PAUSE, ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, KUBE_PROXY)
"""Without these the API server does not come up."""
ADDONS = (COREDNS, METRICS_SERVER, LOCAL_PATH_PROVISIONER)
ALL = CONTROL_PLANE + ADDONS
