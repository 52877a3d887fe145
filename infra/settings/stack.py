"""Everything that a stack may set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Self

from pydantic import Field, create_model, model_validator

from infra import versions
from infra.settings import images, issuer, lake
from infra.settings.admission import Admission, KyvernoAdmission
from infra.settings.aws import Aws
from infra.settings.base import Labels, Section
from infra.settings.cluster import Cluster, EksCluster
from infra.settings.cost import KubecostSettings
from infra.settings.data import (
    Kafka,
    KafkaStrimzi,
    MLflow,
    MLflowChartSettings,
    Postgres,
    PostgresCloudNativePG,
    Redis,
    RedisValkey,
)
from infra.settings.images import Images
from infra.settings.monitoring import KubePrometheusStackSettings, Monitoring
from infra.settings.needs import Need, hold
from infra.settings.recovery import VeleroSettings
from infra.settings.secrets import ExternalSecretsSettings, GeneratedSecrets, Secrets
from infra.settings.services import ServicesSettings
from infra.settings.tenants import TenantName, TenantSettings
from infra.settings.workloads import Features, Jobs, KedaScaler, Namespaces
from infra.workloads import ROOMS
from infra.workloads.egress_proxy import EgressProxySettings
from infra.workloads.price_pipeline import PricePipelineSettings
from infra.workloads.room import Room
from workloads.kit.contracts import tenants
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.declared.data_api import DOWNLOAD_WORKER
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.declared.migrations import TOPICS
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL
from workloads.kit.contracts.messages import Provenance
from workloads.kit.contracts.platform import DECLARED, EGRESS_CLIENTS, running

GIVEN_AT_RUN_TIME: Final = frozenset({"cluster", "images", "secrets"})
"""Sections that a committed stack file need not have: a run generates them, or a release brings them."""


class PlatformSettings(Section):
    """What runs on a cluster: these sections, and those of the workloads, which `PLATFORM` adds.

    A stack has all that are not optional, or none.
    """

    cluster: Cluster = Field(description="The cluster.")
    images: Images = Field(description="Images.")
    secrets: Secrets = Field(description="Where passwords come from.")
    namespaces: Namespaces = Field(description="Quotas of the namespaces.")
    services: ServicesSettings = Field(
        default=ServicesSettings(), description="Operators and controllers of the cluster."
    )
    admission: Admission = Field(description="What refuses objects that break the policies.")
    kafka: Kafka = Field(description="Kafka.")
    postgres: Postgres = Field(description="PostgreSQL.")
    redis: Redis = Field(description="Redis.")
    mlflow: MLflow = Field(description="MLflow.")
    object_store: lake.ObjectStore | None = Field(None, description="Objects: Iceberg tables, uploads.")
    trino: lake.TrinoServer | None = Field(None, description="SQL over the warehouse and the lake.")
    monitoring: Monitoring | None = Field(None, description="Metrics and alerts.")
    recovery: VeleroSettings | None = Field(None, description="Backups of the cluster's objects and volumes.")
    cost: KubecostSettings | None = Field(None, description="What the platform costs, and whom.")
    addresses: dict[str, issuer.Origin] = Field(
        default={}, description="Workload → address at which people reach it; `make up` knows those here."
    )
    tenants: dict[TenantName, TenantSettings] = Field(default={}, description="Tenants by name.")
    provenance: list[Provenance] = Field(
        default=["market"],
        min_length=1,
        description="What prices may be: as a market made them, replayed as if they happened now, or "
        "synthetic. Where people take them for a market's: market alone.",
    )
    features: Features = Field(default=Features(), description="The feature set.")
    jobs: Jobs = Field(description="Migrations and topics.")

    def rooms(self) -> Iterator[tuple[Room[Any], Section]]:
        """The rooms of the workloads that the stack has, each with its section."""
        for room in ROOMS:
            if (section := self.workload(room.section)) is not None:
                yield room, section

    def workload(self, section: str) -> Any:
        """A workload's section, of its room's model; None where the stack is without it."""
        return getattr(self, section)

    @property
    def running(self) -> frozenset[str]:
        """Names of what the stack runs."""
        found = running(dict(self))
        # Where an operator declares the topics, no job does.
        return found - ({TOPICS.name} if isinstance(self.kafka, KafkaStrimzi) else set())

    @property
    def hosts(self) -> dict[str, list[str]]:
        """Workload → host names that it may reach outside the cluster, by the egress proxy alone."""
        found = {
            one.name: set(room.hosts(section))
            for room, section in self.rooms()
            for one in room.declared
            if one.name in EGRESS_CLIENTS
        }
        return {name: sorted(hosts) for name, hosts in found.items() if hosts}

    @property
    def in_s3(self) -> list[str]:
        """Names of the workloads that keep objects in a bucket of AWS."""
        return lake.clients(self.running) if isinstance(self.object_store, lake.ObjectStoreS3) else []

    @property
    def scaled_by_keda(self) -> bool:
        """Whether a workload is."""
        return any(isinstance(getattr(section, "scaler", None), KedaScaler) for _, section in self.rooms())

    @model_validator(mode="after")
    def _served(self) -> Self:
        hold(self._needs())
        if refused := [*self._of_other_provenance(), *self._of_nobody()]:
            raise ValueError("; ".join(refused))
        return self

    def _of_nobody(self) -> Iterator[str]:
        proxy: EgressProxySettings | None = self.workload(EGRESS_PROXY.section)
        asked = sorted({host for hosts in self.hosts.values() for host in hosts})
        for name in sorted(proxy.resolve if proxy else ()):
            if name not in asked:
                yield (
                    f"{EGRESS_PROXY.section}.resolve names {name}, which no source asks. Remedy: remove it, "
                    f"or write one that is asked: {', '.join(asked) or 'there is none'}"
                )

    def _of_other_provenance(self) -> Iterator[str]:
        allowed = ", ".join(self.provenance)
        for room, section in self.rooms():
            for one in room.published(section):
                if one.provenance not in self.provenance:
                    yield (
                        f"{room.section}.{one.what} publishes {one.provenance} prices, and provenance "
                        f"allows {allowed}. Remedy: {one.remedy}, or add {one.provenance} where nobody "
                        "takes such prices for a market's"
                    )

    def _needs(self) -> Iterator[Need]:
        s, external = self.services, isinstance(self.secrets, ExternalSecretsSettings)
        pg, watch, cache = self.postgres, self.monitoring, self.redis
        archived = s.cloudnative_pg and s.cloudnative_pg.barman_cloud
        filled = self.workload(WAREHOUSE_ETL.section) is not None
        downloads = self.workload(DOWNLOAD_WORKER.section) is not None
        yield from lake.needs(self.object_store, self.trino, filled=filled, downloads=downloads)
        yield from issuer.needs(self.workload(issuer.SECTION), self.addresses, self.tenants)
        yield isinstance(self.kafka, KafkaStrimzi), s.strimzi, "kafka.kind strimzi", "services.strimzi"
        operated = isinstance(pg, PostgresCloudNativePG)
        yield operated, archived, "postgres.kind cloudnative-pg", "services.cloudnative_pg.barman_cloud"
        yield external, s.external_secrets, "secrets.kind external", "services.external_secrets"
        judged = isinstance(self.admission, KyvernoAdmission)
        yield judged, s.kyverno, "admission.kind kyverno", "services.kyverno"
        yield self.scaled_by_keda, s.keda, "a scaler of kind keda", "services.keda"
        certified = isinstance(cache, RedisValkey) and cache.tls_issuer is not None
        yield certified, s.cert_manager, "redis.tls_issuer", "services.cert_manager"
        if isinstance(watch, KubePrometheusStackSettings):
            kind = "monitoring.kind kube-prometheus-stack"
            yield True, s.prometheus_crds, kind, "services.prometheus_crds"
            yield True, s.cert_manager, kind, "services.cert_manager"
            told = watch.alertmanager.receivers is not None
            yield told, external, "monitoring.alertmanager.receivers", "secrets.kind external"
            yield bool(watch.grafana), external, "monitoring.grafana", "secrets.kind external"
        yield bool(self.recovery), external, "recovery", "secrets.kind external"
        copied = isinstance(self.kafka, KafkaStrimzi) or isinstance(pg, PostgresCloudNativePG)
        proxy = EGRESS_PROXY.section
        for name, hosts in self.hosts.items():
            yield True, self.workload(proxy), f"{name}, to reach {', '.join(hosts)},", proxy
        prices: PricePipelineSettings = self.workload(PRICE_PIPELINE.section)
        for name in prices.of_api_integration:
            cached = API_INTEGRATION.section
            yield True, self.workload(cached), f"{PRICE_PIPELINE.section}.sources {name}", cached
        if self.workload(proxy) and isinstance(self.secrets, GeneratedSecrets):
            for name in EGRESS_CLIENTS:
                yield name in self.running, name in self.secrets.egress, proxy, f"secrets.egress.{name}"
        if isinstance(self.secrets, GeneratedSecrets):
            for one in (DECLARED[name] for name in sorted(self.running)):
                for name in one.own_secrets.values():
                    yield True, name in self.secrets.own, one.section, f"secrets.own.{name}"
        for name in self.tenants:
            yield copied, s.external_secrets, f"tenants.{name}", "services.external_secrets"
            if isinstance(self.secrets, ExternalSecretsSettings):
                alone = isinstance(pg, PostgresCloudNativePG)
                yield True, alone, f"tenants.{name}", "postgres.kind cloudnative-pg (a secret a role)"
            else:
                role = tenants.role(name)
                yield True, role in self.secrets.roles, f"tenants.{name}", f"secrets.roles.{role}"


class StackSettings(Section):
    """A stack: whose it is, what it has at AWS, what runs on its cluster."""

    labels: Labels = Field(description="Labels of every object, tags of every AWS resource.")
    aws: Aws | None = Field(None, description="What the stack has at AWS.")
    platform: PlatformSettings | None = Field(None, description="What runs on a cluster.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.platform is None and self.aws is None:
            raise ValueError("aws is missing, and so are the sections of a platform: the stack is empty")
        if self.platform is not None:
            hold(self._needs(self.platform))
            self._outside(self.platform.workload(EGRESS_PROXY.section))
        return self

    def _outside(self, proxy: EgressProxySettings | None) -> None:
        services = self.aws.cluster.service_cidr if self.aws and self.aws.cluster else None
        if proxy and services and (names := proxy.within(services)):
            raise ValueError(
                f"{EGRESS_PROXY.section}.resolve of {', '.join(names)} is in the cluster's own "
                f"aws.cluster.service_cidr {services}: name the service, as <name>.<namespace>"
            )

    def _needs(self, platform: PlatformSettings) -> Iterator[Need]:
        aws, p = self.aws, platform
        buckets = aws and aws.buckets
        yield isinstance(p.cluster, EksCluster), aws and aws.cluster, "cluster.kind eks", "aws.cluster"
        named = re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", self.labels.environment)
        for name in p.tenants:
            what = "labels.environment to be lower case letters, digits and inner hyphens"
            yield True, named, f"the namespace of tenants.{name}", what
        for service in p.services.needs_aws:
            yield True, isinstance(p.cluster, EksCluster), f"services.{service}", "cluster.kind eks"
        yield (
            isinstance(p.secrets, ExternalSecretsSettings),
            aws and aws.secrets,
            "secrets.kind external",
            "aws.secrets",
        )
        recovery = buckets and buckets.recovery
        yield p.recovery is not None, recovery, "recovery", "aws.buckets.recovery"
        archived = isinstance(p.postgres, PostgresCloudNativePG)
        yield archived, recovery, "postgres.backup", "aws.buckets.recovery"
        stored = isinstance(p.mlflow, MLflowChartSettings)
        yield stored, buckets and buckets.mlflow, "mlflow.kind chart", "aws.buckets.mlflow"
        if isinstance(p.object_store, lake.ObjectStoreS3):
            yield True, buckets and buckets.warehouse, "object_store.kind s3", "aws.buckets.warehouse"
            yield True, isinstance(p.cluster, EksCluster), "object_store.kind s3", "cluster.kind eks"
        if isinstance(p.secrets, ExternalSecretsSettings):
            given = aws.secrets.sources if aws and aws.secrets else []
            for name in p.secrets.sources:
                yield True, name in given, f"secrets.sources {name}", f"aws.secrets.sources {name}"
        if isinstance(p.monitoring, KubePrometheusStackSettings) and p.monitoring.alertmanager.receivers:
            keys = aws.secrets.alerts if aws and aws.secrets else []
            for name in ("pagerduty", "slack"):
                needed = f"aws.secrets.alerts {name}"
                yield True, name in keys, "monitoring.alertmanager.receivers", needed
        if p.services.karpenter is not None and aws and aws.cluster:
            image, version = p.services.karpenter.image, aws.cluster.version
            first = versions.first_image(version, image) or "an image of infra/versions.py"
            what = f"aws.cluster.version {version} with services.karpenter.image {image}"
            yield True, versions.has_image(version, image), what, f"{first} or later"
        if p.services.load_balancer_controller is not None:
            public = aws.edge.services if aws and aws.edge else {}
            for name, workload in p.services.load_balancer_controller.bindings.items():
                what = f"services.load_balancer_controller.bindings {name}"
                yield True, public.get(name) == workload, what, f"aws.edge.services {name}: {workload}"


def _platform() -> type[PlatformSettings]:
    always = {one.of_image for room in ROOMS if not room.optional for one in room.declared}
    optional = {one.of_image for room in ROOMS if room.optional for one in room.declared} - always
    fields: dict[str, Any] = {
        "images": (images.model(frozenset(optional)), Field(description="Images.")),
    }
    for room in ROOMS:
        kind = room.settings | None if room.optional else room.settings
        fields[room.section] = (kind, Field(None if room.optional else ..., description=room.about))
    return create_model(
        PlatformSettings.__name__, __base__=PlatformSettings, __doc__=PlatformSettings.__doc__, **fields
    )


PLATFORM: Final = _platform()
"""`PlatformSettings` with the sections of all workloads."""

_PLATFORM_FIELD: Any = (PLATFORM | None, Field(None, description="What runs on a cluster."))
STACK: Final = create_model(
    StackSettings.__name__, __base__=StackSettings, __doc__=StackSettings.__doc__, platform=_PLATFORM_FIELD
)
"""`StackSettings` with that platform: the model that a stack file is read with."""
