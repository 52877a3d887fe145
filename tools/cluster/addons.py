"""What every cluster has beside its control plane: names, metrics, storage, the right to enforce policies."""

import re
from pathlib import Path
from typing import Any

import yaml

from tools.cluster import config, kube, node, references
from tools.cluster.instance import Instance

MANIFESTS = Path(__file__).with_name("manifests")
FILES = ("metrics-server.yaml", "local-path.yaml")


def apply(instance: Instance) -> None:
    """Make the add-ons what they should be. Raises CommandFailed."""
    kube.apply(instance, "---\n".join([*manifests(), coredns(node.coredns_manifest(instance))]))


def apply_policies(instance: Instance) -> None:
    """Let the enforcer of network policies see what it needs. Raises CommandFailed."""
    kube.apply(instance, (MANIFESTS / "network-policies.yaml").read_text())


def manifests() -> list[str]:
    """The add-ons' YAML, with the images that this version runs."""
    images = {
        "METRICS_SERVER": references.METRICS_SERVER,
        "LOCAL_PATH_PROVISIONER": references.LOCAL_PATH_PROVISIONER,
        "KUBE_PROXY": references.KUBE_PROXY,
    }
    return [_fill((MANIFESTS / name).read_text(), images) for name in FILES]


def coredns(generated: str) -> str:
    """kubeadm's CoreDNS for a single node without a way out.

    `generated` is what kubeadm prints: its requests are for a larger machine, it has two replicas, and its
    Corefile forwards to a server that cannot be reached.
    """
    # Words for a person come first, and a document may begin on the line of its separator.
    parts = re.split(r"^---", generated, flags=re.MULTILINE)[1:]
    documents: list[dict[str, Any]] = [yaml.safe_load(part) for part in parts]
    for document in documents:
        if document["kind"] == "Deployment":
            document["spec"]["replicas"] = 1
            container = document["spec"]["template"]["spec"]["containers"][0]
            container["resources"] = {
                "requests": {"cpu": "20m", "memory": "32Mi"},
                "limits": {"memory": "170Mi"},
            }
            container["readinessProbe"] |= {"periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": 30}
            container["livenessProbe"] = container.get("livenessProbe", {}) | config.PATIENT_PROBE
        elif document["kind"] == "ConfigMap":
            document["data"]["Corefile"] = (MANIFESTS / "Corefile").read_text()
    return yaml.safe_dump_all(documents, sort_keys=False)


def _fill(text: str, values: dict[str, str]) -> str:
    # Scripts in a manifest have variables of their own, written without braces.
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text)
