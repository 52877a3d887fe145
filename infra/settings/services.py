"""Cluster services: operators and controllers that the platform's parts need, each a Helm release."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infra.settings.aws import Email, PublicName
from infra.settings.base import Cpu, DnsLabel, Memory, PublicWorkload, Quota, Resources, Section

_SMALL: Final = Resources(cpu="50m", memory="128Mi", cpu_limit="500m", memory_limit="256Mi")
_MEDIUM: Final = Resources(cpu="100m", memory="256Mi", cpu_limit="1", memory_limit="512Mi")
_ROOM: Final = Quota(cpu="4", memory="8Gi", memory_limit="16Gi", pods=30, claims=0)


def _image_release(alias: str) -> str:
    if alias.endswith("@latest"):
        raise ValueError("name a release: `latest` replaces every node whenever AWS publishes an image")
    return alias


Duration = Annotated[str, Field(pattern=r"^([0-9]+(s|m|h))+$", examples=["5m", "720h"])]
Host = Annotated[str, Field(pattern=r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$")]


class Operator(Section):
    """What every service has; the defaults do for a small cluster."""

    replicas: int = Field(
        default=1, ge=1, le=5, description="Pods of each of its deployments; one of them leads."
    )
    resources: Resources = Field(default=_SMALL, description="Resources of each of its pods.")


class Spacious(Operator):
    """A service with a namespace of its own."""

    quota: Quota = Field(default=_ROOM, description="Quota of its namespace.")


class PrometheusCrdsSettings(Section):
    """Definitions of ServiceMonitor and its kin. With them, every service is scraped."""


class EbsStorage(Section):
    """Encrypted gp3 volumes of EBS: the default class, and one whose volumes outlive their claims."""

    iops: int = Field(default=3000, ge=3000, le=16000, description="Operations a second of a volume.")
    throughput_mib: int = Field(default=125, ge=125, le=1000, description="MiB a second of a volume.")


class MetricsServerSettings(Operator):
    """metrics-server, which HorizontalPodAutoscalers ask."""


class Acme(Section):
    """Certificates for public names, from an ACME authority that asks Route 53 for the proof."""

    email: Email = Field(description="Whom the authority writes to when a certificate is about to end.")
    server: str = Field(
        default="https://acme-v02.api.letsencrypt.org/directory",
        pattern=r"^https://\S+$",
        description="Directory of the authority.",
    )
    zones: list[Host] = Field(min_length=1, description="DNS zones in which the proof may be put.")


class Certificate(Section):
    """A certificate, kept as a Secret of its own name."""

    issuer: Literal["internal", "public"] = Field(description="Our own authority, or the public one (acme).")
    namespace: DnsLabel = Field(description="Namespace of the Secret.")
    names: list[Host] = Field(min_length=1, description="DNS names that it holds for.")


class CertManagerSettings(Spacious):
    """cert-manager, with an authority of our own and, if wanted, a public one."""

    acme: Acme | None = Field(default=None, description="The public authority.")
    certificates: dict[DnsLabel, Certificate] = Field(default={}, description="Certificates by name.")

    @model_validator(mode="after")
    def _issued(self) -> Self:
        public = [name for name, certificate in self.certificates.items() if certificate.issuer == "public"]
        if public and self.acme is None:
            raise ValueError(f"certificates {', '.join(public)} are public, and there is no acme: add it")
        return self


class ExternalSecretsOperator(Spacious):
    """External Secrets, with a store on Secrets Manager."""

    resources: Resources = Field(default=_MEDIUM, description="Resources of each of its pods.")


class KyvernoOperator(Spacious):
    """Kyverno, which decides on admission."""

    replicas: int = Field(
        default=3, ge=1, le=5, description="Pods that decide on admission; without any, nothing is admitted."
    )
    resources: Resources = Field(
        default=Resources(cpu="100m", memory="256Mi", cpu_limit="2", memory_limit="768Mi"),
        description="Resources of each of its pods.",
    )


class KedaOperator(Spacious):
    """KEDA, which scales consumers by their lag."""

    resources: Resources = Field(default=_MEDIUM, description="Resources of each of its pods.")


class StrimziOperator(Spacious):
    """Strimzi, which runs Kafka."""

    resources: Resources = Field(
        default=Resources(cpu="200m", memory="512Mi", cpu_limit="1", memory_limit="768Mi"),
        description="Resources of each of its pods.",
    )


class CloudNativePgOperator(Spacious):
    """CloudNativePG, which runs PostgreSQL."""

    resources: Resources = Field(default=_MEDIUM, description="Resources of each of its pods.")
    barman_cloud: Resources | None = Field(
        default=None,
        description="Resources of the Barman Cloud plugin, which archives WAL and base backups; without them "
        "there is none. It needs cert_manager.",
    )


class LoadBalancerControllerSettings(Operator):
    """AWS load balancer controller, which keeps target groups in step with pods."""

    bindings: dict[PublicName, PublicWorkload] = Field(
        default={}, description="Public name (`aws.edge.services`) → workload of the platform behind it."
    )


class NodePool(Section):
    """Nodes for one class of workloads; Karpenter starts and stops them."""

    capacity: list[Literal["spot", "on-demand"]] = Field(
        min_length=1, description="How nodes are bought; where both are named, spot comes first."
    )
    families: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]] = Field(
        min_length=1, description="Instance families: several, or spot has nowhere to go.", examples=[["m7g"]]
    )
    architectures: list[Literal["arm64", "amd64"]] = Field(min_length=1, description="Architectures.")
    least_cpus: int = Field(default=2, ge=1, description="CPUs that a node has at least.")
    most_cpus: int = Field(default=16, ge=1, description="CPUs that a node has at most.")
    cpu: Cpu = Field(description="CPU of all its nodes together, at most.")
    memory: Memory = Field(description="Memory of all its nodes together, at most.")
    dedicated: bool = Field(
        default=False,
        description="Whether only pods that tolerate its class run there, as stateful data needs.",
    )
    consolidate: Literal["empty", "underused"] = Field(
        default="underused", description="Nodes that are removed: those without pods, or also those with few."
    )
    consolidate_after: Duration = Field(default="5m", description="How long a node is left as it is first.")
    expire_after: Duration = Field(default="720h", description="Age at which a node is replaced.")
    disrupted: Annotated[str, Field(pattern=r"^(100|[1-9]?[0-9])%$|^[0-9]+$")] = Field(
        default="10%", description="Nodes of the pool that may be replaced at once."
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.least_cpus > self.most_cpus:
            raise ValueError(f"least_cpus {self.least_cpus} is above most_cpus {self.most_cpus}")
        if "spot" in self.capacity and len(self.families) < 2:
            raise ValueError(
                f"families {self.families[0]} alone with spot: when AWS reclaims it, no node can be had"
            )
        return self


class KarpenterSettings(Operator):
    """Karpenter, which starts and stops nodes."""

    resources: Resources = Field(
        default=Resources(cpu="250m", memory="512Mi", cpu_limit="1", memory_limit="1Gi"),
        description="Resources of each of its pods.",
    )
    image: Annotated[
        str,
        Field(pattern=r"^(bottlerocket@v[0-9.]+|al2023@v[0-9]+|(bottlerocket|al2023)@latest)$"),
        AfterValidator(_image_release),
    ] = Field(
        description="Release of the nodes' image.", examples=["bottlerocket@v1.64.0", "al2023@v20260128"]
    )
    disk: Memory = Field(default="50Gi", description="Volume of a node, for images and logs.")
    pools: dict[DnsLabel, NodePool] = Field(min_length=1, description="Node pools by class of workloads.")


class ServicesSettings(Section):
    """The services that a cluster has. None of them is there unless its section is."""

    prometheus_crds: PrometheusCrdsSettings | None = Field(
        default=None, description="Definitions of ServiceMonitors."
    )
    storage: EbsStorage | None = Field(default=None, description="Storage and snapshot classes on EBS.")
    metrics_server: MetricsServerSettings | None = Field(default=None, description="metrics-server.")
    cert_manager: CertManagerSettings | None = Field(default=None, description="cert-manager.")
    external_secrets: ExternalSecretsOperator | None = Field(default=None, description="External Secrets.")
    karpenter: KarpenterSettings | None = Field(default=None, description="Karpenter.")
    load_balancer_controller: LoadBalancerControllerSettings | None = Field(
        default=None, description="AWS load balancer controller."
    )
    kyverno: KyvernoOperator | None = Field(default=None, description="Kyverno.")
    keda: KedaOperator | None = Field(default=None, description="KEDA.")
    strimzi: StrimziOperator | None = Field(default=None, description="Strimzi.")
    cloudnative_pg: CloudNativePgOperator | None = Field(default=None, description="CloudNativePG.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        pg = self.cloudnative_pg
        if pg is not None and pg.barman_cloud is not None and self.cert_manager is None:
            raise ValueError("cloudnative_pg.barman_cloud needs cert_manager, whose certificates it talks by")
        return self

    @property
    def in_use(self) -> bool:
        """Whether there is any."""
        return any(getattr(self, name) is not None for name in type(self).model_fields)

    @property
    def needs_aws(self) -> list[str]:
        """Those that work with AWS only."""
        acme = self.cert_manager is not None and self.cert_manager.acme is not None
        found = [
            name
            for name in ("storage", "external_secrets", "karpenter", "load_balancer_controller")
            if getattr(self, name) is not None
        ]
        return [*found, *(["cert_manager.acme"] if acme else [])]
