"""Redis's protocol by Valkey's chart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import Service
from infra.manifests import network, redis
from infra.manifests.charts import valkey
from infra.manifests.meta import labels, metadata
from infra.manifests.network import Paths
from infra.manifests.resources import certificates
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.secrets import secret
from infra.manifests.services import RedisAccess
from infra.settings import Labels
from infra.settings.data import RedisValkey
from infra.settings.services import Certificate
from workloads.kit.contracts.namespaces import PLATFORM


@dataclass(frozen=True, kw_only=True)
class ValkeyArgs:
    """Args:
    domain: DNS domain of the cluster.
    password: of its one user; the server reads it when it starts.
    """

    identity: Labels
    domain: str
    password: SecretValue = field(repr=False)
    settings: RedisValkey
    paths: Paths


class Valkey(Service):
    """A cache; `access` is where clients find it."""

    TYPE: ClassVar[str] = "carbon:storage:Valkey"

    def __init__(self, name: str, args: ValkeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        identity, host = args.identity, f"{redis.NAME}.{PLATFORM}.svc.{args.domain}"
        meta = metadata(redis.NAME, PLATFORM, labels(identity, redis.NAME, "cache"))
        before = [
            self.add(secret(meta, {redis.PASSWORD: args.password})),
            self.add(network.policy(redis.NAME, PLATFORM, meta["labels"], args.paths)),
        ]
        if (issuer := args.settings.tls_issuer) is not None:
            wanted = Certificate(
                namespace=PLATFORM,
                names=[host, f"{redis.NAME}.{PLATFORM}.svc"],
                issuer=issuer,
            )
            before.append(self.add(certificates.certificate(identity, valkey.CERTIFICATE, wanted)))
        values = valkey.values(identity, args.settings, password_key=redis.PASSWORD)
        self.install(charts.VALKEY, PLATFORM, values, after=before)
        self.access = RedisAccess(host=host, ca_secret=valkey.CERTIFICATE if issuer else None)
        self.register_outputs({"host": host})
