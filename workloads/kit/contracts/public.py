"""Workloads that the internet may reach: a stack file names one; the rest is known from its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workloads.kit.contracts.platform import DECLARED

LIVE: Final = "/healthz"
READY: Final = "/readyz"
"""Paths of a web server that answer 200 while it lives, and while it may get requests."""


@dataclass(frozen=True, slots=True)
class Public:
    """What a load balancer asks of a workload's pods.

    Args:
        health_path: answers 200 when a pod may get requests.
    """

    port: int
    health_path: str = READY


WORKLOADS: Final[Mapping[str, Public]] = {
    one.name: Public(one.port) for one in DECLARED.values() if one.public and one.port is not None
}
