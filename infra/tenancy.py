"""Tenants: what each gets of the platform's parts, whichever way these are run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi

from infra.components.tenant import Tenant, TenantArgs
from infra.manifests import kafka, postgres, tenant
from infra.manifests import platform_workloads as own
from infra.manifests.meta import Manifest
from infra.manifests.network import Peer
from infra.manifests.resources import cloudnative_pg
from infra.manifests.resources.external_secrets import Remote, SecretValue
from infra.manifests.services import KafkaAccess, PostgresAccess
from infra.manifests.tenant import Given
from infra.names import PASSWORD
from infra.settings import Labels
from infra.settings.tenants import Product
from infra.settings.tenants import Tenant as Settings
from workloads.kit.contracts import ports, tenants

OPENED: Final[Mapping[Product, tuple[tuple[str, int], ...]]] = {
    "hub": ((postgres.NAME, ports.POSTGRES),),
    "api": ((own.MODEL_SERVER, ports.MODEL_SERVER),),
    "downloads": ((postgres.NAME, ports.POSTGRES),),
}
"""Product → (workload, TCP port) of the platform that a tenant reaches with it."""

_COPIED_EVERY: Final = "5m"
"""Within the cluster; a certificate is renewed weeks before it ends."""

_CA: Final = "ca.crt"
_CLIENT: Final = ("user.crt", "user.key")


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What a tenant's parts are made from.

    Args:
        peers: workload → how network policies name its pods.
        passwords: of each database role.
        replication_factor, min_in_sync: of topics.
    """

    identity: Labels
    kafka: KafkaAccess
    postgres: PostgresAccess
    peers: Mapping[str, Peer]
    passwords: Mapping[str, SecretValue]
    replication_factor: int
    min_in_sync: int


def build(platform: Platform, name: str, settings: Settings, opts: pulumi.ResourceOptions) -> Tenant:
    """One tenant."""
    args = TenantArgs(
        identity=platform.identity,
        tenant=name,
        settings=settings,
        secrets=_secrets(platform, name),
        opened=_opened(platform, settings.products),
        streaming=_streaming(platform, name, settings),
    )
    return Tenant(tenant.namespace_name(platform.identity, name), args, opts)


def _opened(platform: Platform, products: Sequence[Product]) -> list[tuple[Peer, int]]:
    found: dict[tuple[str, int], None] = {}
    for product in products:
        found |= dict.fromkeys(OPENED[product])
    if platform.kafka.tls is not None:
        # Where Kafka does not know its clients, whoever reaches it has all of it.
        found[kafka.NAME, ports.KAFKA] = None
    return [(platform.peers[workload], port) for workload, port in found]


def _streaming(platform: Platform, name: str, settings: Settings) -> list[Manifest]:
    if platform.kafka.tls is None:
        return []
    return tenant.streaming(
        platform.identity,
        name,
        settings,
        replication_factor=platform.replication_factor,
        min_in_sync=platform.min_in_sync,
    )


def _secrets(platform: Platform, name: str) -> list[Given]:
    def copied(secret: str, *keys: str) -> dict[str, SecretValue]:
        return {key: Remote(secret, key, _COPIED_EVERY) for key in keys}

    role, database, tls = tenants.role(name), platform.postgres, platform.kafka.tls
    password: dict[str, SecretValue] = {PASSWORD: platform.passwords[role]}
    if database.ca_secret is not None:
        password = {
            **copied(cloudnative_pg.role_secret(role), PASSWORD),
            **copied(database.ca_secret, _CA),
        }
    made = [tenant.database(name, database.host, password)]
    if tls is not None:
        certificate = {
            **copied(tls.user_secret(tenant.client(name)), *_CLIENT),
            **copied(tls.ca_secret, _CA),
        }
        known = {"bootstrap": platform.kafka.bootstrap, "prefix": tenants.prefix(name)}
        made.append(Given(name=tenant.KAFKA, values=certificate, constants=known))
    return made
