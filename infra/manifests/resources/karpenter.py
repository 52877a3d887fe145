"""Karpenter's node pools and how their nodes are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra import tags
from infra.manifests.meta import Manifest, labels, metadata
from infra.manifests.resources.ready import awaited
from infra.names import DISCOVERY_TAG, Names
from infra.settings import Labels
from infra.settings.services import KarpenterSettings, NodePool

WORKLOAD_CLASS: Final = "carbon/workload-class"
"""Label of a node, and key of the taint of a dedicated one; the value is its pool's name."""

NODE_CLASS: Final = "default"

MOST_PODS: Final = 58
"""Pods a node. Prefixes (`infra.components.aws.addons`) have addresses for more, but Karpenter counts single
addresses (29 on a node of 2 CPUs) unless it is told. A node of 4 or 8 CPUs is counted so anyway; each pod
more takes 11 MiB of every node for the kubelet."""

_FAMILY: Final = {"bottlerocket": "Bottlerocket", "al2023": "AL2023"}
_VOLUMES: Final = {
    # The second is where images, logs and scratch space of pods are; the first is the read-only system.
    "bottlerocket": (("/dev/xvda", "4Gi"), ("/dev/xvdb", None)),
    "al2023": (("/dev/xvda", None),),
}
"""Volumes of an image: device, and its size where the stack has no say in it."""

_CONSOLIDATION: Final = {"empty": "WhenEmpty", "underused": "WhenEmptyOrUnderutilized"}


def node_class(identity: Labels, names: Names, settings: KarpenterSettings) -> Manifest:
    """How every node is made: its image, its encrypted volumes, its place in the network."""
    image = settings.image.partition("@")[0]
    found = [{"tags": {DISCOVERY_TAG: names.cluster}}]
    return {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": awaited(metadata(NODE_CLASS, None, labels(identity, NODE_CLASS, "nodes"))),
        "spec": {
            "amiFamily": _FAMILY[image],
            "kubelet": {"maxPods": MOST_PODS},
            "amiSelectorTerms": [{"alias": settings.image}],
            "instanceProfile": names.node_profile,
            "subnetSelectorTerms": found,
            "securityGroupSelectorTerms": found,
            "associatePublicIPAddress": False,
            # Pods are one hop further away than the node: they get no credentials of its own.
            "metadataOptions": {
                "httpEndpoint": "enabled",
                "httpProtocolIPv6": "disabled",
                "httpPutResponseHopLimit": 1,
                "httpTokens": "required",
            },
            "blockDeviceMappings": [
                {
                    "deviceName": device,
                    "ebs": {
                        "volumeType": "gp3",
                        "volumeSize": size or settings.disk,
                        "encrypted": True,
                        "kmsKeyID": names.key_alias_arn("volumes"),
                        "deleteOnTermination": True,
                    },
                }
                for device, size in _VOLUMES[image]
            ],
            "tags": {**tags.tags(identity), "Name": f"{names.cluster}-karpenter"},
        },
    }


def node_pool(identity: Labels, name: str, pool: NodePool) -> Manifest:
    """Nodes for one class of workloads."""
    requirements = [
        _among("karpenter.sh/capacity-type", pool.capacity),
        _among("karpenter.k8s.aws/instance-family", pool.families),
        _among("kubernetes.io/arch", pool.architectures),
        _among("kubernetes.io/os", ["linux"]),
        {"key": "karpenter.k8s.aws/instance-cpu", "operator": "Gte", "values": [str(pool.least_cpus)]},
        {"key": "karpenter.k8s.aws/instance-cpu", "operator": "Lte", "values": [str(pool.most_cpus)]},
    ]
    template: Manifest = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": NODE_CLASS},
        "requirements": requirements,
        "expireAfter": pool.expire_after,
    }
    if pool.dedicated:
        template["taints"] = [{"key": WORKLOAD_CLASS, "value": name, "effect": "NoSchedule"}]
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": awaited(metadata(name, None, labels(identity, name, "nodes"))),
        "spec": {
            "template": {"metadata": {"labels": {WORKLOAD_CLASS: name}}, "spec": template},
            "limits": {"cpu": pool.cpu, "memory": pool.memory},
            "disruption": {
                "consolidationPolicy": _CONSOLIDATION[pool.consolidate],
                "consolidateAfter": pool.consolidate_after,
                "budgets": [{"nodes": pool.disrupted}],
            },
        },
    }


def tolerations(name: str) -> list[Manifest]:
    """What lets a pod run on the nodes of a dedicated pool."""
    return [{"key": WORKLOAD_CLASS, "operator": "Equal", "value": name, "effect": "NoSchedule"}]


def _among(key: str, values: Sequence[str]) -> Manifest:
    return {"key": key, "operator": "In", "values": list(values)}
