"""Kyverno."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import ClusterSite, Service
from infra.manifests.charts import kyverno
from infra.manifests.resources.service_network import Reach
from infra.namespaces import KYVERNO
from infra.settings.services import KyvernoOperator as Settings


@dataclass(frozen=True, kw_only=True)
class KyvernoArgs:
    """Args:
    excluded: namespaces whose objects it is never asked about.
    """

    site: ClusterSite
    settings: Settings
    excluded: Sequence[str]


class Kyverno(Service):
    """Kyverno, which decides on admission by the policies that are made elsewhere."""

    TYPE: ClassVar[str] = "carbon:services:Kyverno"

    def __init__(self, name: str, args: KyvernoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        reach = Reach(from_api=(9443,), metrics=(8000,))
        around = self.own_namespace(args.site, KYVERNO, args.settings.quota, reach)
        values = kyverno.values(args.settings, excluded=args.excluded, monitored=args.site.monitored)
        self.ready = [self.install(charts.KYVERNO, KYVERNO, values, after=around)]
        self.register_outputs({"version": charts.KYVERNO.app})
