"""A stack: what it has at AWS, and the platform on its cluster."""

from __future__ import annotations

from typing import Any

import pulumi

from infra import cluster
from infra.cluster import ClusterAccess
from infra.layers.foundation import Foundation, FoundationArgs
from infra.names import Names
from infra.platform import Platform, PlatformArgs
from infra.settings.cluster import KubeconfigCluster
from infra.settings.stack import PlatformSettings, StackSettings
from policies import exceptions, limits
from workloads.kit.contracts import tenants


class Stack:
    """Everything that a stack is, made from its settings."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self.foundation = self._foundation()
        self.platform = self._platform(settings.platform) if settings.platform is not None else None

    def export(self) -> None:
        """Make the stack's outputs: where its user interfaces and APIs answer, what people need of AWS."""
        made: dict[str, Any] = dict(self.foundation.outputs) if self.foundation is not None else {}
        if self.platform is not None:
            made["endpoints"] = self.platform.endpoints
        for name, value in made.items():
            pulumi.export(name, value)

    def _foundation(self) -> Foundation | None:
        s = self._settings
        if s.aws is None:
            return None
        p = s.platform
        args = FoundationArgs(
            labels=s.labels,
            settings=s.aws,
            running=p.running if p is not None else (),
            more_roles=[tenants.role(name) for name in p.tenants] if p is not None else [],
            lake=p.in_s3 if p is not None else [],
        )
        return Foundation("aws", args)

    def _platform(self, settings: PlatformSettings) -> Platform:
        labels, aws = self._settings.labels, self._settings.aws
        stack = pulumi.get_stack()
        args = PlatformArgs(
            labels=labels,
            settings=settings,
            cluster=self._cluster(settings),
            names=Names(labels.environment, aws.account_id, aws.region) if aws is not None else None,
            limits=limits.of(stack),
            exceptions=exceptions.of(stack),
        )
        return Platform("carbon", args)

    def _cluster(self, settings: PlatformSettings) -> ClusterAccess:
        if isinstance(settings.cluster, KubeconfigCluster):
            return cluster.existing(settings.cluster)
        assert self.foundation is not None, "settings with cluster.kind eks have aws.cluster"
        assert self.foundation.cluster is not None, "settings with cluster.kind eks have aws.cluster"
        return self.foundation.cluster
