"""The platform's own workloads: every room of `infra.workloads` that the stack has."""

from __future__ import annotations

from typing import ClassVar

import pulumi

from infra.layers.base import Context, Layer, Ready
from infra.layers.data import DataLayer
from infra.settings import issuer
from infra.settings.issuer import OwnIssuer
from infra.settings.workloads import KedaScaler
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts.declared.keycloak import KEYCLOAK


class WorkloadLayer(Layer):
    """Consumers, jobs and servers."""

    TYPE: ClassVar[str] = "carbon:platform:WorkloadLayer"

    def __init__(self, context: Context, platform: pulumi.Resource, data: DataLayer, ready: Ready) -> None:
        """Args:
        data: whose services they call. They wait for the registry and for each other themselves; only what
            they cannot make, tables and topics, comes first.
        """
        super().__init__("workloads", context, platform, ready)
        site = WorkloadSite(
            identity=context.labels,
            images=context.settings.images,
            passwords=context.passwords,
            network=context.network,
            services=data.services,
            windows=context.settings.features.windows,
            provenance=context.settings.provenance,
            hosts=context.settings.hosts,
            tenants=sorted(context.settings.tenants),
            addresses=context.settings.addresses,
            issuer=_issuer(context),
        )
        for room, section in context.settings.rooms():
            tables = [data.migrated] if any(one.role for one in room.declared) else []
            topics = [data.declared] if any(one.kafka for one in room.declared) else []
            scaled = ["keda"] if isinstance(getattr(section, "scaler", None), KedaScaler) else []
            needs = ["external_secrets", "prometheus_crds", *scaled]
            room.deploy(site, section, self.below(*tables, *topics, needs=needs))
        self.register_outputs({})


def _issuer(context: Context) -> OwnIssuer | None:
    s = context.settings
    if KEYCLOAK.name not in s.running:
        return None
    return issuer.own(s.addresses, f"{KEYCLOAK.name}.{KEYCLOAK.namespace}.svc.{context.cluster.domain}")
