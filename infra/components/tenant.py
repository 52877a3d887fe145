"""A tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import tenant, tenant_access
from infra.manifests.meta import Manifest
from infra.manifests.network import Peer
from infra.manifests.tenant import Given
from infra.settings import Labels
from infra.settings.tenants import TenantSettings


@dataclass(frozen=True, kw_only=True)
class TenantArgs:
    """Args:
    identity: the platform's labels; the tenant's own people take the place of its owner and team.
    tenant: its name.
    secrets: that it gets: of its database role and, where Kafka knows its clients, of its client.
    opened: workloads of the platform that its pods may reach, with a TCP port.
    streaming: its topics and its client of Kafka, where Kafka knows its clients.
    """

    identity: Labels
    tenant: str
    settings: TenantSettings
    secrets: Sequence[Given]
    opened: Sequence[tuple[Peer, int]] = ()
    streaming: Sequence[Manifest] = ()


class Tenant(Component):
    """A namespace of a tenant's own: rights, limits, closed network, and its part of the platform's data.

    `namespace` is its name.
    """

    TYPE: ClassVar[str] = "carbon:tenant:Tenant"

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        who = (args.identity, args.tenant, args.settings)
        home = self.add(tenant.home(*who), protect=args.settings.protect)
        # The guard comes first: what is made after it is safe from the first moment that anybody has rights.
        guarded = self.add_all(tenant_access.guard(*who), after=[home])
        before = self.add_all(tenant.surroundings(*who), after=guarded)
        self.add_all(tenant.paths(*who, args.opened), after=before)
        for manifest in args.streaming:
            # Deleting a topic's object deletes its messages.
            kept = args.settings.protect and manifest["kind"] == "KafkaTopic"
            before.append(self.add(manifest, after=before, protect=kept))
        if sources := sorted(set[str]().union(*(one.sources for one in args.secrets))):
            before += self.add_all(tenant.store(*who, sources), after=before)
        self.add_all(tenant.given(*who, args.secrets), after=before)
        self.add_all(tenant_access.access(*who), after=before)
        self.namespace = tenant.namespace_name(args.identity, args.tenant)
        self.register_outputs({"namespace": self.namespace})
