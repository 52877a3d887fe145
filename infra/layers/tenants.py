"""Tenants: what each gets of the platform's parts, whichever way these are run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import pulumi

from infra.components.tenant import Tenant, TenantArgs
from infra.layers.base import Context, Layer, Ready
from infra.layers.data import DataLayer
from infra.manifests import tenant
from infra.manifests.meta import Manifest
from infra.manifests.network import Peer
from infra.manifests.resources import cloudnative_pg
from infra.manifests.resources.external_secrets import Remote, SecretValue
from infra.manifests.services import KafkaAccess, PostgresAccess
from infra.manifests.tenant import Given
from infra.names import PASSWORD
from infra.passwords import Passwords
from infra.settings.tenants import TenantSettings
from workloads.kit.contracts import tenants
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.model_server import MODEL_SERVER
from workloads.kit.contracts.declared.services import KAFKA, POSTGRES
from workloads.kit.contracts.entitlements import Product

OPENED: Final[Mapping[Product, tuple[Declaration, ...]]] = {
    "hub": (POSTGRES,),
    "api": (DATA_API, MODEL_SERVER),
    "downloads": (POSTGRES,),
    "quality": (DATA_API,),
}
"""Product → what of the platform a tenant reaches with it, at its port."""

_COPIED_EVERY: Final = "5m"
"""Within the cluster; a certificate is renewed weeks before it ends."""

_CA: Final = "ca.crt"
_CLIENT: Final = ("user.crt", "user.key")


class TenantLayer(Layer):
    """A namespace a tenant, with what its products open to it."""

    TYPE: ClassVar[str] = "carbon:platform:TenantLayer"

    def __init__(self, context: Context, platform: pulumi.Resource, data: DataLayer, ready: Ready) -> None:
        """Args:
        data: whose topics and tables they get a part of.
        """
        super().__init__("tenants", context, platform, ready)
        self._kafka, self._postgres = data.services.kafka, data.services.postgres
        for name, settings in context.settings.tenants.items():
            args = TenantArgs(
                identity=context.labels,
                tenant=name,
                settings=settings,
                secrets=_secrets(context.passwords, self._kafka, self._postgres, name),
                opened=self._opened(settings.products),
                streaming=self._streaming(name, settings),
            )
            namespace = tenant.namespace_name(context.labels, name)
            Tenant(
                namespace,
                args,
                self.below(data.migrated, data.declared, needs=["external_secrets", "strimzi"]),
            )
        self.register_outputs({})

    def _opened(self, products: Sequence[Product]) -> list[tuple[Peer, int]]:
        found = {one.name: one for product in products for one in OPENED[product]}
        if self._kafka.tls is not None:
            # Where Kafka does not know its clients, whoever reaches it has all of it.
            found[KAFKA.name] = KAFKA
        network = self._context.network
        return [(network.peer(one.name), one.port) for one in found.values() if one.port is not None]

    def _streaming(self, name: str, settings: TenantSettings) -> list[Manifest]:
        if self._kafka.tls is None:
            return []
        kafka = self._settings.kafka
        return tenant.streaming(
            self._context.labels,
            name,
            settings,
            replication_factor=kafka.replication_factor,
            min_in_sync=kafka.min_in_sync,
        )


def _secrets(passwords: Passwords, kafka: KafkaAccess, database: PostgresAccess, name: str) -> list[Given]:
    def copied(secret: str, *keys: str) -> dict[str, SecretValue]:
        return {key: Remote(secret, key, _COPIED_EVERY) for key in keys}

    role, tls = tenants.role(name), kafka.tls
    password: dict[str, SecretValue] = {PASSWORD: passwords.roles[role]}
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
        known = {"bootstrap": kafka.bootstrap, "prefix": tenants.prefix(name)}
        made.append(Given(name=tenant.KAFKA, values=certificate, constants=known))
    return made
