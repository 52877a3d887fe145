"""Which pods are behind a public name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.manifests.meta import Manifest, metadata, selector


def target_group_binding(
    name: str, namespace: str, labels: Mapping[str, str], *, target_group: str, service: str, port: int
) -> Manifest:
    """The pods of a Service are the targets of a target group, which the stack made at AWS.

    Args:
        target_group: its name. Rules of the nodes' security group are the stack's own, so that the
            controller needs no right to change any.
    """
    return {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": metadata(name, namespace, labels),
        "spec": {
            "targetGroupName": target_group,
            "targetType": "ip",
            "serviceRef": {"name": service, "port": port},
        },
    }


def admission(
    name: str, namespace: str, labels: Mapping[str, str], *, workload: str, port: int, cidrs: Sequence[str]
) -> Manifest:
    """The NetworkPolicy that lets the load balancer reach a workload's pods.

    Args:
        cidrs: networks that its requests and health checks come from.
    """
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(f"{name}-load-balancer", namespace, labels),
        "spec": {
            "podSelector": {"matchLabels": selector(workload)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs],
                    "ports": [{"protocol": "TCP", "port": port}],
                }
            ],
        },
    }
