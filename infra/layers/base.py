"""What all layers of the platform share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi

from infra.cluster import ClusterAccess
from infra.components.base import Component
from infra.names import Names
from infra.passwords import Passwords
from infra.paths import NetworkPaths
from infra.settings.base import Labels
from infra.settings.stack import PlatformSettings


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known of a stack before any layer is made.

    Args:
        labels: of every object.
        names: of what AWS holds; None on a cluster elsewhere.
    """

    labels: Labels
    settings: PlatformSettings
    cluster: ClusterAccess
    names: Names | None
    passwords: Passwords = field(repr=False)
    network: NetworkPaths

    @property
    def monitored(self) -> bool:
        """Whether the definitions of monitors are there."""
        return self.settings.services.prometheus_crds is not None


class Layer(Component):
    """A part of the platform.

    What is in a layer was the platform's own child before there were layers, so each has an alias that
    says so: states that hold it under its former URN keep it.
    """

    def __init__(
        self,
        name: str,
        context: Context,
        platform: pulumi.Resource,
        ready: Sequence[pulumi.Resource] = (),
    ) -> None:
        """Args:
        ready: what must be there before anything of the layer.
        """
        super().__init__(name, pulumi.ResourceOptions(parent=platform))
        self._context = context
        self._settings = context.settings
        self._platform = platform
        self._ready = list(ready)

    def below(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a component of the layer.

        Args:
            after: what must be there before it, besides what the whole layer waits for.
        """
        return pulumi.ResourceOptions(
            parent=self,
            aliases=[pulumi.Alias(parent=self._platform)],
            depends_on=[*self._ready, *after],
        )
