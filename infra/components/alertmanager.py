"""Alertmanager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, prometheus, scaling
from infra.manifests.network import Paths
from infra.settings import Labels
from infra.settings.monitoring import AlertmanagerSettings


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """What an Alertmanager is made from."""

    identity: Labels
    image: str
    settings: AlertmanagerSettings
    paths: Paths


class Alertmanager(Component):
    """Groups alerts and shows them."""

    TYPE: ClassVar[str] = "carbon:monitoring:Alertmanager"

    def __init__(self, name: str, args: AlertmanagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        w = prometheus.alertmanager(args.identity, args.image, args.settings.resources)
        before = self.add_surroundings(w, args.paths)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.RECREATE, replicas=1), after=before)
        self.register_outputs({})
