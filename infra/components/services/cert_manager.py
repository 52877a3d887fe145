"""cert-manager, its issuers and certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import cert_manager
from infra.manifests.resources import certificates
from infra.manifests.resources.service_network import Reach
from infra.namespaces import CERT_MANAGER, CERT_MANAGER_ACCOUNT
from infra.settings.services import CertManagerSettings


@dataclass(frozen=True, kw_only=True)
class CertManagerArgs:
    """Args:
    region: of the account that has the public names' zones; None without a public authority.
    """

    site: ClusterSite
    settings: CertManagerSettings
    region: str | None


class CertManager(Service):
    """Certificates from an authority of our own and, if wanted, from a public one."""

    TYPE: ClassVar[str] = "carbon:services:CertManager"

    def __init__(self, name: str, args: CertManagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings, identity = args.settings, args.site.identity
        reach = Reach(from_api=(10250,), metrics=(9402,), internet=settings.acme is not None)
        around = self.own_namespace(args.site, CERT_MANAGER, settings.quota, reach)
        values = cert_manager.values(
            settings, account=CERT_MANAGER_ACCOUNT.name, monitored=args.site.monitored
        )
        installed = self.install(charts.CERT_MANAGER, CERT_MANAGER, values, after=around)
        issuers: list[pulumi.Resource] = []
        for manifest in certificates.internal_issuer(identity, CERT_MANAGER):
            issuers.append(self.add(manifest, after=[installed, *issuers]))
        if settings.acme is not None and args.region is not None:
            public = certificates.public_issuer(identity, settings.acme, args.region)
            issuers.append(self.add(public, after=[installed]))
        self.ready = issuers
        for own, certificate in settings.certificates.items():
            self.add(certificates.certificate(identity, own, certificate), after=issuers)
        self.register_outputs({"version": charts.CERT_MANAGER.app})
