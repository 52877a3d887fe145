"""The paths of a cluster service: what its pods may reach, and what reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.manifests import network, prometheus
from infra.manifests.meta import NAME, Manifest, metadata
from infra.manifests.network import INTERNET
from workloads.kit.contracts.namespaces import MONITORING

POD_IDENTITY: Final = ("169.254.170.23/32", 80)
"""EKS Pod Identity agent: the node answers there with a pod's credentials at AWS."""

_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods at the other end of a path.

    Args:
        labels: those that they have; without any, all pods of the namespace.
    """

    namespace: str
    labels: Mapping[str, str]
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """All paths of a service, besides to the cluster's DNS and to the Kubernetes API, which all have.

    Args:
        from_api: ports that the Kubernetes API calls: webhooks and aggregated APIs.
        metrics: ports that Prometheus scrapes.
        within: ports on which its own pods talk to each other.
        to: pods elsewhere that it talks to.
        nodes: ports of nodes that it talks to.
        internet: HTTPS to AWS, in the network and to anywhere public, since it has services without an
            address in the network (Route 53, prices); and to the agent that hands out credentials for them.
    """

    from_api: tuple[int, ...] = ()
    metrics: tuple[int, ...] = ()
    within: tuple[int, ...] = ()
    to: tuple[Pods, ...] = ()
    nodes: tuple[int, ...] = ()
    internet: bool = False


def policy(
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    reach: Reach,
    *,
    api_cidrs: Sequence[str],
    network_cidrs: Sequence[str],
    pods: Mapping[str, str] | None = None,
) -> Manifest:
    """The NetworkPolicy of a service.

    Args:
        api_cidrs: networks that the Kubernetes API answers and calls from.
        network_cidrs: networks that nodes and endpoints of AWS are in.
        pods: labels of its pods, where it shares the namespace; otherwise it is all of the namespace.
    """
    selector: Manifest = {"matchLabels": dict(pods)} if pods else {}
    api = [{"ipBlock": {"cidr": cidr}} for cidr in api_cidrs]
    around: list[Manifest] = [{"ipBlock": {"cidr": cidr}} for cidr in network_cidrs]
    ingress: list[Manifest] = []
    egress: list[Manifest] = [
        *network.allow_dns(namespace, labels)["spec"]["egress"],
        {"to": api, "ports": _tcp(network.API_PORTS)},
    ]
    if reach.from_api:
        ingress.append({"from": api, "ports": _tcp(reach.from_api)})
    if reach.metrics:
        scraper = _pods(Pods(MONITORING, {NAME: prometheus.NAME}, ()))
        ingress.append({"from": [scraper], "ports": _tcp(reach.metrics)})
    if reach.within:
        own = [{"podSelector": selector}]
        ingress.append({"from": own, "ports": _tcp(reach.within)})
        egress.append({"to": own, "ports": _tcp(reach.within)})
    egress += [{"to": [_pods(other)], "ports": _tcp(other.ports)} for other in reach.to]
    if reach.nodes:
        egress.append({"to": around, "ports": _tcp(reach.nodes)})
    if reach.internet:
        agent, port = POD_IDENTITY
        egress.append({"to": [{"ipBlock": {"cidr": agent}}], "ports": _tcp((port,))})
        egress.append({"to": [*around, INTERNET], "ports": _tcp((443,))})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(name, namespace, labels),
        "spec": {
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def _pods(pods: Pods) -> Manifest:
    return {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: pods.namespace}},
        "podSelector": {"matchLabels": dict(pods.labels)} if pods.labels else {},
    }


def _tcp(ports: Sequence[int]) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]
