"""Paths to AWS of pods that keep things in buckets."""

from __future__ import annotations

from typing import Final

from infra.manifests.meta import Manifest
from infra.manifests.resources.service_network import POD_IDENTITY

_PRIVATE: Final = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")


def with_buckets(policy: Manifest) -> Manifest:
    """A NetworkPolicy that also lets its pods reach S3, and the agent that hands out their credentials.

    S3 has no addresses of its own within the network: its gateway endpoint routes public ones, which change.
    """
    agent, port = POD_IDENTITY
    egress = [
        *policy["spec"]["egress"],
        _to({"cidr": agent}, port),
        _to({"cidr": "0.0.0.0/0", "except": list(_PRIVATE)}, 443),
    ]
    return {**policy, "spec": {**policy["spec"], "egress": egress}}


def _to(block: Manifest, port: int) -> Manifest:
    return {"to": [{"ipBlock": block}], "ports": [{"protocol": "TCP", "port": port}]}
