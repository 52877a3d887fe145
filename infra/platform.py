"""What runs on a cluster: the layers, and which gets which other's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra import cluster
from infra.cluster import ClusterAccess
from infra.components.base import Component
from infra.layers.base import Context
from infra.layers.cluster import ClusterLayer
from infra.layers.data import DataLayer
from infra.layers.edge import EdgeLayer
from infra.layers.operations import OperationsLayer
from infra.layers.tenants import TenantLayer
from infra.layers.workloads import WorkloadLayer
from infra.manifests import postgres
from infra.manifests.resources import cloudnative_pg
from infra.names import Names
from infra.passwords import passwords
from infra.paths import NetworkPaths
from infra.settings.base import Labels
from infra.settings.data import PostgresCloudNativePG
from infra.settings.stack import PlatformSettings
from policies.exceptions import RuleException
from policies.limits import Limits
from workloads.kit.contracts import tenants


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """Args:
    labels: of every object.
    cluster: where it runs.
    names: of what AWS holds; None on a cluster elsewhere.
    limits, exceptions: from the policies, for the stack.
    """

    labels: Labels
    settings: PlatformSettings
    cluster: ClusterAccess
    names: Names | None = None
    limits: Limits
    exceptions: Sequence[RuleException]


class Platform(Component):
    """What runs on a cluster. `endpoints` says where its user interfaces and APIs answer."""

    TYPE: ClassVar[str] = "carbon:platform:Platform"

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        mine = pulumi.ResourceOptions(providers=[cluster.provider(args.cluster)])
        super().__init__(name, pulumi.ResourceOptions.merge(opts, mine))
        known = _context(args)
        ready = ClusterLayer(known, self, limits=args.limits, exceptions=args.exceptions).ready
        data = DataLayer(known, self, ready)
        WorkloadLayer(known, self, data, ready)
        OperationsLayer(known, self, data, ready)
        TenantLayer(known, self, data, ready)
        self.endpoints = EdgeLayer(known, self, data, ready).endpoints
        self.register_outputs({"endpoints": self.endpoints})


def _context(args: PlatformArgs) -> Context:
    s = args.settings
    # An operator gives the database's pods a name of its own.
    pods = {postgres.NAME: cloudnative_pg.POD_NAME} if isinstance(s.postgres, PostgresCloudNativePG) else {}
    return Context(
        labels=args.labels,
        settings=s,
        cluster=args.cluster,
        names=args.names,
        passwords=passwords(
            s.secrets,
            args.names,
            running=s.running,
            more_roles=[tenants.role(name) for name in s.tenants],
        ),
        network=NetworkPaths(
            running=s.running,
            api_cidrs=args.cluster.api_cidrs,
            domain=args.cluster.domain,
            in_s3=s.in_s3,
            pods=pods,
        ),
    )
