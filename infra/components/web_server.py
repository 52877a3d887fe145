"""A workload that answers over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, scaling
from infra.manifests.network import Paths
from infra.manifests.workload import Workload
from infra.settings.workloads import Scaler


@dataclass(frozen=True, kw_only=True)
class WebServerArgs:
    """What a web server is made from."""

    workload: Workload
    scaler: Scaler
    paths: Paths


class WebServer(Component):
    """Servers behind one address, replaced without a request lost."""

    TYPE: ClassVar[str] = "carbon:workload:WebServer"

    def __init__(self, name: str, args: WebServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        w = args.workload
        before = self.add_surroundings(w, args.paths)
        self.add_metrics(w)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add_scaled(w, scaling.ROLLING, args.scaler, after=before)
        self.register_outputs({})
