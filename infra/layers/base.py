"""What all layers of the platform share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from infra.cluster import ClusterAccess
from infra.components.base import Component
from infra.names import Names
from infra.passwords import Passwords
from infra.paths import NetworkPaths
from infra.settings.base import Labels
from infra.settings.services import ServicesSettings
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


@dataclass(frozen=True)
class Ready:
    """What is there of the cluster: who needs a service waits for that one, and for no other's chart.

    Args:
        always: before anything: namespaces, classes, nodes.
        services: by the service's name in the settings; one that the stack is without is not there.
    """

    always: Sequence[pulumi.Resource] = ()
    services: Mapping[str, Sequence[pulumi.Resource]] = field(default_factory=dict[str, Any])

    def of(self, *services: str) -> list[pulumi.Resource]:
        """What must be there before who needs these.

        Raises:
            KeyError: no service is called so.
        """
        unknown = set(services) - ServicesSettings.model_fields.keys()
        if unknown:
            raise KeyError(f"no service is called {', '.join(sorted(unknown))}")
        return [*self.always, *(one for name in services for one in self.services.get(name, ()))]


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
        ready: Ready = Ready(),
    ) -> None:
        """Args:
        ready: what is there of the cluster.
        """
        super().__init__(name, pulumi.ResourceOptions(parent=platform))
        self._context = context
        self._settings = context.settings
        self._platform = platform
        self._ready = ready

    def below(self, *after: pulumi.Resource, needs: Sequence[str] = ()) -> pulumi.ResourceOptions:
        """Options of a component of the layer.

        Args:
            after: what must be there before it.
            needs: services of the cluster that it asks something of, if the stack has them.
        """
        return pulumi.ResourceOptions(
            parent=self,
            aliases=[pulumi.Alias(parent=self._platform)],
            depends_on=[*self._ready.of(*needs), *after],
        )
