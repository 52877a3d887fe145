"""The network at AWS and the EKS cluster in it."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infra import versions
from infra.settings.base import Section

Endpoint = Literal[
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "kms",
    "logs",
    "secretsmanager",
    "sqs",
    "sts",
]
Addon = Literal[
    "vpc-cni",
    "coredns",
    "kube-proxy",
    "aws-ebs-csi-driver",
    "eks-pod-identity-agent",
    "snapshot-controller",
]

_PRIVATE: Final = tuple(IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _allow_listed(network: IPv4Network) -> IPv4Network:
    if network.prefixlen < 8:
        raise ValueError(f"{network} is most of the internet: list the networks that may come in")
    return network


AllowedNetwork = Annotated[IPv4Network, AfterValidator(_allow_listed)]
RoleArn = Annotated[str, Field(pattern=r"^arn:aws:iam::[0-9]{12}:role/[\w+=,.@/-]+$")]
InstanceType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9]+$", examples=["m7g.large"])]


class NetworkSettings(Section):
    """The VPC: a public, a private and an isolated subnet in each zone."""

    cidr: IPv4Network = Field(description="Range of the VPC, /16 to /20, of private addresses.")
    zones: list[str] = Field(min_length=1, max_length=3, description="Availability zones.")
    nat: Literal["none", "one", "per-zone"] = Field(
        description="NAT gateways: `one` is cheap, and its zone's failure cuts all off; or one a zone; or "
        "`none`, where no cluster is behind them."
    )
    endpoints: list[Endpoint] = Field(
        default=[],
        description="AWS services that are reached by an interface endpoint, each paid by the hour in each "
        "zone; S3 and DynamoDB always are, by gateway endpoints that cost nothing.",
    )
    endpoints_why: str | None = Field(
        None,
        min_length=10,
        description="What endpoints are for where NAT gateways carry the same calls, such as a service that "
        "gets more by NAT, which is paid by the GB, than an endpoint costs.",
    )

    @property
    def gateways(self) -> int:
        """NAT gateways, each with an address of its own."""
        return {"none": 0, "one": 1, "per-zone": len(self.zones)}[self.nat]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not 16 <= self.cidr.prefixlen <= 20:
            raise ValueError(f"cidr {self.cidr} is no /16 to /20: pods take their addresses from it")
        if not any(self.cidr.subnet_of(private) for private in _PRIVATE):
            raise ValueError(f"cidr {self.cidr} is not of private addresses (RFC 1918)")
        if len(set(self.zones)) < len(self.zones):
            raise ValueError(f"zones {', '.join(self.zones)} has one twice")
        if len(set(self.endpoints)) < len(self.endpoints):
            raise ValueError(f"endpoints {', '.join(self.endpoints)} has one twice")
        if self.endpoints and self.nat != "none" and self.endpoints_why is None:
            raise ValueError(
                f"endpoints {', '.join(self.endpoints)} carry what nat: {self.nat} carries, and each is paid "
                f"in {len(self.zones)} zones: remove them, or say in endpoints_why what they are for"
            )
        return self


class SystemNodesSettings(Section):
    """The managed node group that runs the operators; Karpenter starts the nodes of everything else."""

    instance_types: list[InstanceType] = Field(min_length=1, description="Instance types, one architecture.")
    architecture: Literal["arm64", "x86_64"] = Field(description="Architecture of the instance types.")
    least: int = Field(ge=1, description="Nodes at least.")
    most: int = Field(ge=1, le=20, description="Nodes at most, with those that an update adds.")
    disk_gib: int = Field(50, ge=20, le=1000, description="Data volume of a node, in GiB.")

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is above most {self.most}")
        return self


class RunnerSettings(Section):
    """Runs GitHub's jobs within the network, where they reach the private API."""

    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")] = Field(
        description="Repository whose jobs it runs."
    )
    connection_arn: Annotated[
        str, Field(pattern=r"^arn:aws:codeconnections:[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}$")
    ] = Field(description="Connection to GitHub, to which a person agrees once in the console.")
    size: Literal["BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE"] = Field(
        "BUILD_GENERAL1_MEDIUM", description="Machine of a job, paid by the minute that it runs."
    )


class EksSettings(Section):
    """The EKS cluster."""

    version: Annotated[str, Field(pattern=r"^1\.[0-9]{2}$"), AfterValidator(versions.of_cluster)] = Field(
        description="Kubernetes version, one of `infra/versions.py`."
    )
    public_access_cidrs: list[AllowedNetwork] = Field(
        default=[],
        max_length=40,
        description="Networks that reach the API over the internet; without any it has no public endpoint.",
    )
    service_cidr: IPv4Network = Field(
        default=IPv4Network("172.20.0.0/16"), description="Addresses of the services, outside of the VPC."
    )
    github: bool = Field(
        True,
        description="Whether GitHub's roles, which the stack with `github` made, may use the API: the "
        "environment's deploying one administers, the previewing one reads all objects but secrets.",
    )
    admins: list[RoleArn] = Field(
        default=[], description="Roles that administer the cluster: whoever deploys has to be among them."
    )
    viewers: list[RoleArn] = Field(default=[], description="Roles that read all objects but secrets.")
    system_nodes: SystemNodesSettings = Field(description="The system node group.")
    addons: dict[Addon, str] = Field(
        default={}, description="Versions of add-ons, where not the cluster version's default."
    )
    kubeconfig_role: RoleArn | None = Field(
        None, description="Role that the deployment takes on to reach the API; by default it stays its own."
    )

    @model_validator(mode="after")
    def _admitted(self) -> Self:
        if not (self.github or self.admins):
            raise ValueError("admins is empty, and so is who may deploy: name a role, or leave github true")
        if both := sorted(set(self.admins) & set(self.viewers)):
            raise ValueError(f"{', '.join(both)} is in admins and in viewers: a role has one access entry")
        if self.kubeconfig_role is not None and self.kubeconfig_role not in self.admins:
            raise ValueError(f"kubeconfig_role {self.kubeconfig_role} is not in admins")
        return self
