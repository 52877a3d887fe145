"""Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, prometheus, scaling
from infra.manifests.network import Paths
from infra.manifests.prometheus import Target
from infra.settings import Labels
from infra.settings.monitoring import PrometheusSettings


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """Args:
    rule_groups: groups of alert rules, as in a rule file.
    targets: what it scrapes.
    """

    identity: Labels
    image: str
    rule_groups: Sequence[dict[str, Any]]
    targets: Sequence[Target]
    settings: PrometheusSettings
    paths: Paths


class Prometheus(Component):
    """Metrics of every pod that offers them, and the alerts made from them."""

    TYPE: ClassVar[str] = "carbon:monitoring:Prometheus"

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings, storage = args.settings, args.settings.storage
        w = prometheus.prometheus(
            args.identity,
            args.image,
            settings.resources,
            storage,
            interval_seconds=settings.scrape_interval_seconds,
            retention=settings.retention,
            retention_size=settings.retention_size,
            rule_groups=args.rule_groups,
            targets=args.targets,
        )
        before = self.add_surroundings(w, args.paths)
        if storage is not None:
            before.append(self.add(objects.claim(w), protect=storage.protect))
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.RECREATE, replicas=1), after=before)
        self.register_outputs({})
