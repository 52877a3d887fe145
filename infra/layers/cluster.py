"""The cluster made ready: namespaces, operators, and what refuses objects that break a policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi

from infra.components.admission_policies import AdmissionPolicies, AdmissionPoliciesArgs
from infra.components.namespace import Namespace, NamespaceArgs
from infra.components.readers import Readers, ReadersArgs
from infra.layers.base import Context, Layer, Ready
from infra.layers.cluster_services import ClusterServices, ClusterServicesArgs
from infra.settings.monitoring import KubePrometheusStackSettings
from policies.exceptions import RuleException
from policies.limits import Limits
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM


class ClusterLayer(Layer):
    """`ready` is what is there of it: objects that ask something of an operator need its definitions."""

    TYPE: ClassVar[str] = "carbon:platform:ClusterLayer"

    def __init__(
        self,
        context: Context,
        platform: pulumi.Resource,
        *,
        limits: Limits,
        exceptions: Sequence[RuleException],
    ) -> None:
        """Args:
        limits, exceptions: from the policies, for the stack.
        """
        super().__init__("cluster", context, platform)
        namespaces = self._namespaces()
        self.ready = self._services(namespaces)
        enforced = AdmissionPoliciesArgs(
            identity=context.labels,
            settings=self._settings.admission,
            limits=limits,
            exceptions=exceptions,
        )
        AdmissionPolicies("admission", enforced, self.below(*self.ready.of("kyverno")))
        if context.names is not None:
            # The group is that of access entries at EKS.
            Readers("readers", ReadersArgs(identity=context.labels), self.below())
        self.register_outputs({})

    def _namespaces(self) -> list[pulumi.Resource]:
        quotas = self._settings.namespaces
        wanted = [(PLATFORM, quotas.platform, True)]
        if (watch := self._settings.monitoring) is not None:
            # A chart's pods have its own labels, registries and tokens.
            wanted.append((MONITORING, quotas.monitoring, not isinstance(watch, KubePrometheusStackSettings)))
        labels = self._context.labels
        return [
            Namespace(name, NamespaceArgs(identity=labels, quota=quota, enforced=enforced), self.below())
            for name, quota, enforced in wanted
        ]

    def _services(self, namespaces: Sequence[pulumi.Resource]) -> Ready:
        if not self._settings.services.in_use:
            return Ready(namespaces)
        args = ClusterServicesArgs(
            labels=self._context.labels,
            cluster=self._context.cluster,
            settings=self._settings.services,
            names=self._context.names,
            after=namespaces,
        )
        services = ClusterServices("services", args, self.below())
        return Ready([*namespaces, *services.first], services.ready)
