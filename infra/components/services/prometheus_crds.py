"""Definitions of ServiceMonitors and their kin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra import charts
from infra.components.services.base import Service


@dataclass(frozen=True, kw_only=True)
class PrometheusCrdsArgs:
    """Args:
    namespace: an existing one, where the release is noted; it has no pods.
    """

    namespace: str


class PrometheusCrds(Service):
    """What the Prometheus operator's objects are, before there is one, so that services may have some."""

    TYPE: ClassVar[str] = "carbon:services:PrometheusCrds"

    def __init__(
        self, name: str, args: PrometheusCrdsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self.ready = [self.install(charts.PROMETHEUS_CRDS, args.namespace, {})]
        self.register_outputs({"version": charts.PROMETHEUS_CRDS.app})
