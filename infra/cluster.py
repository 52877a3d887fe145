"""How a stack's cluster is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.cluster import KubeconfigCluster


@dataclass(frozen=True, kw_only=True)
class ClusterAccess:
    """Args:
    kubeconfig: its content or its path.
    context: in the kubeconfig; its current one where None.
    identifier: name that stays the same when the kubeconfig changes: a new one replaces every object.
    domain: DNS domain of the cluster's services.
    api_cidrs: networks that the Kubernetes API answers from, and calls webhooks from.
    network_cidrs: networks that nodes and endpoints of AWS are in; with them all pods, where they have
        addresses of the same network.
    balancer_cidrs: networks that load balancers are in, and no pod.
    ready: what must be there before the first object.
    """

    kubeconfig: pulumi.Input[str]
    context: str | None = None
    identifier: str
    domain: str = "cluster.local"
    api_cidrs: Sequence[str]
    network_cidrs: Sequence[str]
    balancer_cidrs: Sequence[str]
    ready: Sequence[pulumi.Resource] = ()


def existing(cluster: KubeconfigCluster) -> ClusterAccess:
    """Access to a cluster that exists."""
    return ClusterAccess(
        kubeconfig=cluster.kubeconfig,
        context=cluster.context,
        identifier=cluster.identifier,
        domain=cluster.domain,
        api_cidrs=[str(cidr) for cidr in cluster.api_cidrs],
        network_cidrs=[str(cidr) for cidr in cluster.api_cidrs],
        balancer_cidrs=[],
    )


def provider(cluster: ClusterAccess) -> k8s.Provider:
    """The one provider that every object goes through."""
    return k8s.Provider(
        "cluster",
        kubeconfig=cluster.kubeconfig,
        context=cluster.context,
        cluster_identifier=cluster.identifier,
        enable_server_side_apply=True,
        # Pods are restarted by the hash of what they read; replacing the object would leave a gap.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        opts=pulumi.ResourceOptions(depends_on=list(cluster.ready)) if cluster.ready else None,
    )
