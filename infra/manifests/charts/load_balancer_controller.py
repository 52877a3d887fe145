"""Values of the AWS load balancer controller's chart."""

from __future__ import annotations

from infra.manifests import pods
from infra.manifests.meta import NAME, Manifest
from infra.names import Names
from infra.settings.services import LoadBalancerControllerSettings


def values(
    settings: LoadBalancerControllerSettings, *, names: Names, account: str, monitored: bool
) -> Manifest:
    """Values. The stack makes the load balancer; the controller only keeps its target groups in step.

    Args:
        account: its service account, which has rights at AWS.
    """
    return {
        "replicaCount": settings.replicas,
        "clusterName": names.cluster,
        "region": names.region,
        # Nodes answer for their own metadata to nobody but themselves, so the pods are told.
        "vpcTags": {"Name": names.vpc},
        "serviceAccount": {"name": account},
        "podDisruptionBudget": {"maxUnavailable": 1} if settings.replicas > 1 else {},
        "podSecurityContext": {"seccompProfile": pods.SECCOMP},
        "securityContext": {"capabilities": {"drop": ["ALL"]}},
        "resources": pods.resources(settings.resources),
        "topologySpreadConstraints": pods.spread({NAME: "aws-load-balancer-controller"}),
        "keepTLSSecret": True,
        "createIngressClassResource": False,
        "ingressClassParams": {"create": False},
        "enableServiceMutatorWebhook": False,
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
        "enableBackendSecurityGroup": False,
        "serviceMonitor": {"enabled": monitored},
    }
