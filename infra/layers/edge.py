"""Where the platform answers, and which pods stand behind the public names that AWS has."""

from __future__ import annotations

from typing import ClassVar

import pulumi

from infra.components.services.public_binding import PublicBinding, PublicBindingArgs
from infra.layers.base import Context, Layer, Ready
from infra.layers.data import DataLayer
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.services import KAFKA, POSTGRES
from workloads.kit.contracts.platform import DECLARED

Endpoint = dict[str, str | int]
"""Where something answers: namespace, service, port."""


class EdgeLayer(Layer):
    """`endpoints`: name → where its user interface or API answers within the cluster."""

    TYPE: ClassVar[str] = "carbon:platform:EdgeLayer"

    def __init__(self, context: Context, platform: pulumi.Resource, data: DataLayer, ready: Ready) -> None:
        """Args:
        data: whose services have names of their operators' choosing.
        """
        super().__init__("edge", context, platform, ready)
        self.endpoints = self._endpoints(data)
        controller = self._settings.services.load_balancer_controller
        if controller is not None and context.names is not None:
            for name, workload in controller.bindings.items():
                endpoint = self.endpoints[workload]
                args = PublicBindingArgs(
                    identity=context.labels,
                    namespace=str(endpoint["namespace"]),
                    service=str(endpoint["service"]),
                    port=int(endpoint["port"]),
                    target_group=context.names.target_group(name),
                    from_cidrs=context.cluster.balancer_cidrs,
                )
                PublicBinding(f"public-{name}", args, self.below(needs=["load_balancer_controller"]))
        self.register_outputs({"endpoints": self.endpoints})

    def _endpoints(self, data: DataLayer) -> dict[str, Endpoint]:
        kafka, postgres = data.services.kafka, data.services.postgres
        named = {KAFKA.name: kafka.service, POSTGRES.name: postgres.service}
        reached = [DECLARED[name] for name in sorted(self._settings.running) if DECLARED[name].reach]
        found = {
            one.name: _endpoint(one, named.get(one.name, one.name), one.port)
            for one in reached
            if one.port is not None
        }
        assert KAFKA.reach is not None, "clients outside the cluster reach the brokers"
        if (outside := KAFKA.reach.port) is not None:
            found |= {service: _endpoint(KAFKA, service, outside) for service in kafka.external}
        return found


def _endpoint(declared: Declaration, service: str, port: int) -> Endpoint:
    return {"namespace": declared.namespace, "service": service, "port": port}
