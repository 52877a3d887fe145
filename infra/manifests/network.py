"""NetworkPolicies: nothing may talk to anything, save for the paths that are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from infra.manifests.meta import NAME, Manifest, metadata, selector

API_PORTS: Final = (443, 6443)
"""Of the Kubernetes API's service, and of an API server where the policy sees the address behind it."""

PRIVATE: Final = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
"""Networks that are not the internet."""

INTERNET: Final[Manifest] = {"ipBlock": {"cidr": "0.0.0.0/0", "except": [*PRIVATE]}}
"""Anywhere, save for what is private: other pods and networks are reached by paths that name them."""

_HTTPS: Final = 443

_NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Peer:
    """A workload at the other end of a path."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Paths:
    """Every path of one workload: (other end, TCP port), (network, TCP port) outside the cluster, whether it
    reaches all public addresses over HTTPS, and whether it reaches buckets of AWS."""

    ingress: tuple[tuple[Peer, int], ...] = ()
    egress: tuple[tuple[Peer, int], ...] = ()
    networks: tuple[tuple[str, int], ...] = ()
    internet: bool = False
    buckets: bool = False


def policy(name: str, namespace: str, labels: Mapping[str, str], paths: Paths) -> Manifest:
    """The policy of one workload: just its paths."""
    return _policy(
        metadata(name, namespace, labels),
        selector(name),
        ingress=[{"from": [_peer(p)], "ports": [_tcp(port)]} for p, port in _in_order(paths.ingress)],
        egress=[{"to": [_peer(p)], "ports": [_tcp(port)]} for p, port in _in_order(paths.egress)]
        + [{"to": [{"ipBlock": {"cidr": c}}], "ports": [_tcp(port)]} for c, port in sorted(paths.networks)]
        + ([{"to": [INTERNET], "ports": [_tcp(_HTTPS)]}] if paths.internet else []),
    )


def default_deny(namespace: str, labels: Mapping[str, str]) -> Manifest:
    """Closes every path in and out of a namespace's pods."""
    return _policy(metadata("default-deny", namespace, labels), {}, ingress=[], egress=[])


def allow_dns(namespace: str, labels: Mapping[str, str]) -> Manifest:
    """Lets a namespace's pods ask the cluster's DNS."""
    dns = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    manifest = _policy(
        metadata("allow-dns", namespace, labels), {}, ingress=[], egress=[{"to": [dns], "ports": ports}]
    )
    manifest["spec"]["policyTypes"] = ["Egress"]
    del manifest["spec"]["ingress"]
    return manifest


def _policy(
    meta: Manifest, pods: Mapping[str, str], ingress: list[Manifest], egress: list[Manifest]
) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta,
        "spec": {
            "podSelector": {"matchLabels": dict(pods)} if pods else {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def _in_order(paths: Iterable[tuple[Peer, int]]) -> list[tuple[Peer, int]]:
    return sorted(paths, key=lambda path: (path[0].namespace, path[0].name, path[1]))


def _peer(peer: Peer) -> Manifest:
    return {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: peer.namespace}},
        "podSelector": {"matchLabels": {NAME: peer.name}},
    }


def _tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}
