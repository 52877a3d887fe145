"""Velero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests import namespace
from infra.manifests.charts import velero as values
from infra.manifests.meta import labels
from infra.manifests.resources import service_network, velero
from infra.manifests.resources.external_secrets import Remote
from infra.manifests.resources.service_network import Reach
from infra.names import Names
from infra.namespaces import VELERO
from infra.settings.recovery import VeleroSettings

_METRICS: Final = 8085


@dataclass(frozen=True, kw_only=True)
class VeleroArgs:
    """Args:
    repository_key: where the key stands that volumes are encrypted with.
    """

    site: ClusterSite
    names: Names
    settings: VeleroSettings
    repository_key: Remote


class Velero(Service):
    """Backups of objects and volumes, at set times, in the recovery bucket."""

    TYPE: ClassVar[str] = "carbon:recovery:Velero"

    def __init__(self, name: str, args: VeleroArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        identity, settings = args.site.identity, args.settings
        before = self._namespace(args)
        # Before the first backup: one that is made without it can be read by whoever has the bucket.
        before.append(self.add(velero.repository_key(identity, args.repository_key), after=before))
        chart = values.values(settings, monitored=args.site.monitored)
        installed = self.install(charts.VELERO, VELERO, chart, after=before)
        locations = self.add_all(
            [
                velero.backup_location(identity, args.names),
                velero.snapshot_location(identity, args.names),
            ],
            after=[installed],
        )
        for schedule, times in settings.schedules.items():
            self.add(velero.schedule(identity, schedule, times), after=locations)
        self.ready = [installed, *locations]
        self.register_outputs({"version": charts.VELERO.app, "bucket": args.names.bucket("recovery")})

    def _namespace(self, args: VeleroArgs) -> list[pulumi.Resource]:
        identity, quota = args.site.identity, args.settings.quota
        home = self.add(velero.home(identity), name=f"{VELERO}-namespace")
        limits = namespace.defaults(
            VELERO,
            identity,
            cpu=quota.cpu,
            memory=quota.memory,
            memory_limit=quota.memory_limit,
            pods=quota.pods,
            claims=quota.claims,
            container=args.settings.mover,
        )
        reach = service_network.policy(
            VELERO,
            VELERO,
            labels(identity, VELERO, "recovery"),
            Reach(metrics=(_METRICS,), internet=True),
            api_cidrs=args.site.api_cidrs,
            network_cidrs=args.site.network_cidrs,
        )
        return self.add_all([*limits, reach], after=[home])
