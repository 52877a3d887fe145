"""A stack: what it has at AWS, and the platform on its cluster."""

from __future__ import annotations

import pulumi

from infra import cluster
from infra.cluster import ClusterAccess
from infra.platform import Platform, PlatformArgs
from infra.settings import StackSettings
from infra.settings.cluster import Cluster, EksCluster, KubeconfigCluster


class Stack:
    """Everything that a stack is, made from its settings."""

    def __init__(self, settings: StackSettings) -> None:
        self.platform: Platform | None = None
        if settings.platform is not None:
            self.platform = Platform(
                "carbon",
                PlatformArgs(
                    labels=settings.labels,
                    settings=settings.platform,
                    cluster=self._cluster(settings.platform.cluster),
                ),
            )

    def _cluster(self, settings: Cluster) -> ClusterAccess:
        match settings:
            case KubeconfigCluster():
                return cluster.existing(settings)
            case EksCluster():
                raise pulumi.RunError("carbon:cluster.kind is eks, and section carbon:aws makes no cluster")

    def export(self) -> None:
        """Make the stack's outputs: where its user interfaces and APIs answer."""
        if self.platform is not None:
            pulumi.export("endpoints", self.platform.endpoints)
