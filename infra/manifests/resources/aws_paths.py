"""Paths to AWS of pods that keep things in buckets."""

from __future__ import annotations

from infra.manifests.meta import Manifest
from infra.manifests.network import INTERNET
from infra.manifests.resources.service_network import POD_IDENTITY


def with_buckets(policy: Manifest) -> Manifest:
    """A NetworkPolicy that also lets its pods reach S3, and the agent that hands out their credentials.

    S3 has no addresses of its own within the network: its gateway endpoint routes public ones, which change.
    """
    agent, port = POD_IDENTITY
    egress = [
        *policy["spec"]["egress"],
        _to({"ipBlock": {"cidr": agent}}, port),
        _to(INTERNET, 443),
    ]
    return {**policy, "spec": {**policy["spec"], "egress": egress}}


def _to(peer: Manifest, port: int) -> Manifest:
    return {"to": [peer], "ports": [{"protocol": "TCP", "port": port}]}
