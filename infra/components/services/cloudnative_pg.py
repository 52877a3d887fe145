"""CloudNativePG and its backup plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import barman_cloud, cloudnative_pg
from infra.manifests.resources.service_network import Pods, Reach
from infra.namespaces import CLOUDNATIVE_PG
from infra.settings.services import CloudNativePgOperator as Settings

_STATUS: Final = 8000
"""Port on which an instance tells the operator how it is."""

_PLUGIN: Final = 9090
"""Port on which the plugin listens to the operator."""


@dataclass(frozen=True, kw_only=True)
class CloudNativePgArgs:
    """Args:
    namespaces: where it runs PostgreSQL.
    """

    site: ClusterSite
    settings: Settings
    namespaces: Sequence[str]


class CloudNativePg(Service):
    """CloudNativePG, which runs PostgreSQL, and the plugin that archives it."""

    TYPE: ClassVar[str] = "carbon:services:CloudNativePg"

    def __init__(
        self, name: str, args: CloudNativePgArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        settings, plugin = args.settings, args.settings.barman_cloud
        instances = tuple(Pods(n, {"cnpg.io/podRole": "instance"}, (_STATUS,)) for n in args.namespaces)
        reach = Reach(
            from_api=(9443,), metrics=(8080,), within=(_PLUGIN,) if plugin is not None else (), to=instances
        )
        around = self.own_namespace(args.site, CLOUDNATIVE_PG, settings.quota, reach)
        values = cloudnative_pg.values(settings, monitored=args.site.monitored)
        installed = self.install(charts.CLOUDNATIVE_PG, CLOUDNATIVE_PG, values, after=around)
        self.ready = [installed]
        if plugin is not None:
            archive = barman_cloud.values(plugin)
            self.ready = [self.install(charts.BARMAN_CLOUD, CLOUDNATIVE_PG, archive, after=[installed])]
        self.register_outputs({"version": charts.CLOUDNATIVE_PG.app})
