"""What a cluster has besides the platform: which service comes after which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra import charts, namespaces
from infra.cluster import ClusterAccess
from infra.components.base import Component
from infra.components.services.base import ClusterSite, Service
from infra.components.services.cert_manager import CertManager, CertManagerArgs
from infra.components.services.cloudnative_pg import CloudNativePg, CloudNativePgArgs
from infra.components.services.external_secrets import ExternalSecrets, ExternalSecretsArgs
from infra.components.services.karpenter import Karpenter, KarpenterArgs
from infra.components.services.keda import Keda, KedaArgs
from infra.components.services.kyverno import Kyverno, KyvernoArgs
from infra.components.services.load_balancer_controller import (
    LoadBalancerController,
    LoadBalancerControllerArgs,
)
from infra.components.services.metrics_server import MetricsServer, MetricsServerArgs
from infra.components.services.priorities import Priorities, PrioritiesArgs
from infra.components.services.prometheus_crds import PrometheusCrds, PrometheusCrdsArgs
from infra.components.services.storage import StorageClasses, StorageClassesArgs
from infra.components.services.strimzi import Strimzi, StrimziArgs
from infra.manifests.resources.service_network import Pods
from infra.names import Names
from infra.settings import Labels
from infra.settings.services import ServicesSettings
from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM

OPERATORS: Final = (
    namespaces.SYSTEM,
    namespaces.CERT_MANAGER,
    namespaces.CLOUDNATIVE_PG,
    namespaces.EXTERNAL_SECRETS,
    namespaces.KEDA,
    namespaces.KYVERNO,
    namespaces.STRIMZI,
)
"""Namespaces that Kyverno is never asked about: what repairs the cluster has to start without it."""

WITH_SECRETS: Final = (PLATFORM, MONITORING, namespaces.VELERO)
"""Namespaces whose ExternalSecrets are answered."""


@dataclass(frozen=True, kw_only=True)
class ClusterServicesArgs:
    """Args:
    names: of what AWS holds; None on a cluster elsewhere.
    after: what must be there first: the platform's own namespaces, which operators get rights in.
    """

    labels: Labels
    cluster: ClusterAccess
    settings: ServicesSettings
    names: Names | None
    after: Sequence[pulumi.Resource]


class ClusterServices(Component):
    """Operators and controllers. What the settings leave out is None here.

    Attributes:
        first: what everything needs: classes of volumes and priorities, and nodes.
        ready: by the service's name in the settings, what is there last of each.
    """

    TYPE: ClassVar[str] = "carbon:platform:ClusterServices"

    def __init__(
        self, name: str, args: ClusterServicesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._args = args
        self._settings = args.settings
        self._site = ClusterSite(
            identity=args.labels,
            api_cidrs=args.cluster.api_cidrs,
            network_cidrs=args.cluster.network_cidrs,
            domain=args.cluster.domain,
            monitored=args.settings.prometheus_crds is not None,
        )
        self.prometheus_crds = self._prometheus_crds()
        self.storage = self._storage()
        priorities = Priorities("priorities", PrioritiesArgs(identity=args.labels), self._after())
        first = (*args.after, self.prometheus_crds, self.storage, priorities)
        # Pods of what follows may need nodes that only Karpenter starts.
        self.karpenter = self._karpenter(first)
        nodes = (*first, self.karpenter)
        self.load_balancer_controller = self._load_balancer_controller(nodes)
        self.cert_manager = self._cert_manager(nodes)
        self.external_secrets = self._external_secrets(nodes)
        self.kyverno = self._kyverno(nodes)
        self.keda = self._keda(nodes)
        self.strimzi = self._strimzi(nodes)
        self.metrics_server = self._metrics_server((*nodes, self.cert_manager))
        self.cloudnative_pg = self._cloudnative_pg((*nodes, self.cert_manager))
        self.first: list[pulumi.Resource] = [priorities, *_last(self.storage), *_last(self.karpenter)]
        self.ready = self._ready()
        self.register_outputs({"charts": {chart.name: chart.version for chart in charts.ALL}})

    @property
    def _names(self) -> Names:
        if self._args.names is None:
            needing = ", ".join(self._settings.needs_aws)
            raise ValueError(
                f"carbon:services has {needing}, and the stack has no carbon:aws. "
                "Remedy: add that section, or remove these."
            )
        return self._args.names

    def _prometheus_crds(self) -> PrometheusCrds | None:
        if self._settings.prometheus_crds is None:
            return None
        return PrometheusCrds(
            "prometheus-operator-crds", PrometheusCrdsArgs(namespace=namespaces.SYSTEM), self._after()
        )

    def _storage(self) -> StorageClasses | None:
        settings = self._settings.storage
        if settings is None:
            return None
        args = StorageClassesArgs(identity=self._args.labels, names=self._names, settings=settings)
        return StorageClasses("storage", args, self._after())

    def _karpenter(self, after: Sequence[pulumi.Resource | None]) -> Karpenter | None:
        settings = self._settings.karpenter
        if settings is None:
            return None
        args = KarpenterArgs(site=self._site, settings=settings, names=self._names)
        return Karpenter("karpenter", args, self._after(*after))

    def _load_balancer_controller(
        self, after: Sequence[pulumi.Resource | None]
    ) -> LoadBalancerController | None:
        settings = self._settings.load_balancer_controller
        if settings is None:
            return None
        args = LoadBalancerControllerArgs(site=self._site, settings=settings, names=self._names)
        return LoadBalancerController("aws-load-balancer-controller", args, self._after(*after))

    def _cert_manager(self, after: Sequence[pulumi.Resource | None]) -> CertManager | None:
        settings = self._settings.cert_manager
        if settings is None:
            return None
        region = self._names.region if settings.acme is not None else None
        args = CertManagerArgs(site=self._site, settings=settings, region=region)
        return CertManager("cert-manager", args, self._after(*after))

    def _external_secrets(self, after: Sequence[pulumi.Resource | None]) -> ExternalSecrets | None:
        settings = self._settings.external_secrets
        if settings is None:
            return None
        args = ExternalSecretsArgs(
            site=self._site, settings=settings, region=self._names.region, namespaces=WITH_SECRETS
        )
        return ExternalSecrets("external-secrets", args, self._after(*after))

    def _kyverno(self, after: Sequence[pulumi.Resource | None]) -> Kyverno | None:
        settings = self._settings.kyverno
        if settings is None:
            return None
        args = KyvernoArgs(site=self._site, settings=settings, excluded=OPERATORS)
        return Kyverno("kyverno", args, self._after(*after))

    def _keda(self, after: Sequence[pulumi.Resource | None]) -> Keda | None:
        settings = self._settings.keda
        if settings is None:
            return None
        args = KedaArgs(
            site=self._site,
            settings=settings,
            cluster=self._args.cluster.identifier,
            brokers=Pods(PLATFORM, {}, (ports.KAFKA,)),
        )
        return Keda("keda", args, self._after(*after))

    def _strimzi(self, after: Sequence[pulumi.Resource | None]) -> Strimzi | None:
        settings = self._settings.strimzi
        if settings is None:
            return None
        args = StrimziArgs(site=self._site, settings=settings, namespaces=(PLATFORM,))
        return Strimzi("strimzi", args, self._after(*after))

    def _metrics_server(self, after: Sequence[pulumi.Resource | None]) -> MetricsServer | None:
        settings = self._settings.metrics_server
        if settings is None:
            return None
        args = MetricsServerArgs(
            site=self._site, settings=settings, certified=self._settings.cert_manager is not None
        )
        return MetricsServer("metrics-server", args, self._after(*after))

    def _cloudnative_pg(self, after: Sequence[pulumi.Resource | None]) -> CloudNativePg | None:
        settings = self._settings.cloudnative_pg
        if settings is None:
            return None
        args = CloudNativePgArgs(site=self._site, settings=settings, namespaces=(PLATFORM,))
        return CloudNativePg("cloudnative-pg", args, self._after(*after))

    def _ready(self) -> dict[str, Sequence[pulumi.Resource]]:
        made = {name: getattr(self, name) for name in ServicesSettings.model_fields}
        return {name: _last(service) for name, service in made.items() if service is not None}

    def _after(self, *others: pulumi.Resource | None) -> pulumi.ResourceOptions:
        there = [resource for other in others for resource in _last(other)]
        return pulumi.ResourceOptions(parent=self, depends_on=there)


def _last(made: pulumi.Resource | None) -> list[pulumi.Resource]:
    """What is there last of a service; another resource stands for itself."""
    if isinstance(made, Service):
        return list(made.ready)
    return [made] if made is not None else []
