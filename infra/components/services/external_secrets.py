"""External Secrets and its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import external_secrets
from infra.manifests.resources import secret_store
from infra.manifests.resources.service_network import Reach
from infra.namespaces import EXTERNAL_SECRETS, EXTERNAL_SECRETS_ACCOUNT
from infra.settings.services import ExternalSecretsOperator as Settings


@dataclass(frozen=True, kw_only=True)
class ExternalSecretsArgs:
    """Args:
    region: of Secrets Manager.
    namespaces: that get secrets from it.
    """

    site: ClusterSite
    settings: Settings
    region: str
    namespaces: Sequence[str]


class ExternalSecrets(Service):
    """External Secrets, with the store that every ExternalSecret names."""

    TYPE: ClassVar[str] = "carbon:services:ExternalSecrets"

    def __init__(
        self, name: str, args: ExternalSecretsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        site = args.site
        reach = Reach(from_api=(10250,), metrics=(8080,), internet=True)
        around = self.own_namespace(site, EXTERNAL_SECRETS, args.settings.quota, reach)
        values = external_secrets.values(
            args.settings, account=EXTERNAL_SECRETS_ACCOUNT.name, monitored=site.monitored
        )
        installed = self.install(charts.EXTERNAL_SECRETS, EXTERNAL_SECRETS, values, after=around)
        store = secret_store.cluster_secret_store(site.identity, args.region, args.namespaces)
        self.ready = [self.add(store, after=[installed])]
        self.store = secret_store.STORE
        self.register_outputs({"version": charts.EXTERNAL_SECRETS.app, "store": self.store})
