"""Paths to AWS of pods that keep things in buckets."""

from __future__ import annotations

from typing import Final

from infra.manifests.resources.service_network import POD_IDENTITY

BUCKETS: Final = (("0.0.0.0/0", 443), POD_IDENTITY)
"""(network, port): S3, which has no addresses of its own within the network since its gateway endpoint routes
public ones, and the agent that hands out a pod's credentials."""
