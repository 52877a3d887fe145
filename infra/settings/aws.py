"""What a stack has at AWS. Each part is optional: a stack has the parts that its file names."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from infra.settings.aws_cluster import AllowedNetwork, EksSettings, NetworkSettings, RunnerSettings
from infra.settings.base import DnsLabel, LabelValue, PublicWorkload, Section
from workloads.kit.contracts.platform import IMAGES

TWO_YEARS: Final = 731
"""Days, one of them a leap day: the least that an audit trail is kept."""

LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""Days that CloudWatch Logs can be told to keep."""


AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$", examples=["111122223333"])]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[1-9]$", examples=["eu-central-1"])]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=50)]
Domain = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$")]
PublicName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,12}[a-z0-9]$", examples=["api"])]


class RegistrySettings(Section):
    """The container registry."""

    images: list[DnsLabel] = Field(
        default=sorted(IMAGES),
        min_length=1,
        description="Images that have a repository; by default all that the platform runs.",
    )
    keep: int = Field(50, ge=1, le=1000, description="Images of a repository that are kept, newest first.")
    untagged_days: int = Field(14, ge=1, description="Days after which an image without a tag goes.")
    source_environment: LabelValue | None = Field(
        None,
        description="Environment whose images are replicated to here; the repositories have its names.",
    )
    replicate_to: Region | None = Field(None, description="Region that gets a copy of each image.")


class ObjectRetention(Section):
    """How long a bucket keeps what was replaced or deleted, and when old objects become cheap ones."""

    noncurrent_days: int = Field(30, ge=1, description="Days that a replaced or deleted version is kept.")
    infrequent_after_days: int | None = Field(
        None, ge=30, description="Days after which an object moves to storage for infrequent access."
    )


class AuditRetention(Section):
    """The audit bucket: nothing in it can be changed or deleted before its time."""

    days: int = Field(TWO_YEARS, ge=TWO_YEARS, description="Days that an object is locked.")
    mode: Literal["GOVERNANCE", "COMPLIANCE"] = Field(
        description="COMPLIANCE: nobody ends a lock, not even root; GOVERNANCE: who may bypass it."
    )


class Replica(Section):
    """The stack whose buckets and keys get the copies; it exists before this one replicates to it."""

    region: Region = Field(description="Its region.")
    environment: LabelValue = Field(description="Its environment.")


class BucketsSettings(Section):
    """S3 buckets."""

    recovery: ObjectRetention | None = Field(None, description="Backups of the cluster and of PostgreSQL.")
    mlflow: ObjectRetention | None = Field(None, description="MLflow's artifacts.")
    warehouse: ObjectRetention | None = Field(None, description="Iceberg tables.")
    audit: AuditRetention | None = Field(None, description="The audit trail.")
    replicate_to: Replica | None = Field(None, description="Where each object is copied to.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.recovery or self.mlflow or self.warehouse or self.audit):
            raise ValueError("has no bucket: name one, or remove the section")
        return self


class SecretsManager(Section):
    """Secrets Manager. No value is ever in the program or its state: a function makes it, or a person."""

    rotation_days: int = Field(30, ge=1, le=365, description="Days after which a database password changes.")
    recovery_days: int = Field(
        30, ge=7, le=30, description="Days in which a deleted secret can be brought back."
    )
    recovery_region: Region | None = Field(
        None, description="Region that gets a copy of what its backups are encrypted with."
    )
    sources: list[DnsLabel] = Field(
        default=[], description="Secrets of price-pipeline's sources that people give, by file name."
    )
    alerts: list[Literal["pagerduty", "slack"]] = Field(
        default=[], description="Receivers of alerts whose key people give."
    )


class AuditSettings(Section):
    """CloudTrail of the whole account, to the audit bucket and to a log group.

    One stack an account has it: AWS asks nothing for the first copy of management events, and pays no more.
    """

    objects_of: list[LabelValue] = Field(
        default=[],
        description="Environments of the account whose reads and writes of objects in buckets are recorded "
        "too; each event costs.",
    )


class LogRetention(Section):
    """Days that logs are kept, by what they are for: each day costs, and what is evidence stays."""

    control_plane: LogDays = Field(
        default=TWO_YEARS,
        ge=TWO_YEARS,
        description="The control plane's: who asked the Kubernetes API for what is written nowhere else.",
    )
    trail: LogDays = Field(
        default=90, description="The trail's, to search in: the audit bucket has it all, locked."
    )
    network: LogDays = Field(default=30, description="Flows of the network.")
    firewall: LogDays = Field(default=90, description="What the firewall let through and refused.")
    requests: int = Field(
        default=180, ge=1, le=365, description="Requests at the load balancer, in a bucket."
    )
    functions: LogDays = Field(default=30, description="Functions, and builds of the runner.")


class EdgeSettings(Section):
    """The public load balancer, its firewall, its names and its certificate."""

    domain: Domain = Field(description="Domain; its parent zone has to point to the name servers of ours.")
    allowed_cidrs: list[AllowedNetwork] = Field(
        min_length=1, description="Networks that may come in; the firewall refuses all others."
    )
    services: dict[PublicName, PublicWorkload] = Field(
        min_length=1, description="Public names: first label under the domain → the workload behind it."
    )
    requests_per_5_minutes: int = Field(
        2000, ge=10, description="Requests of one address in five minutes above which it is refused."
    )


class CostBudget(Section):
    """What the stack may cost."""

    monthly_usd: int = Field(ge=1, description="US dollars a month, of what is tagged with the environment.")
    notify: list[Email] = Field(
        min_length=1, max_length=10, description="Who is told at 80 %, 100 %, and of a forecast over 100 %."
    )


class StateSettings(Section):
    """The bucket that holds the stacks' state, and the key that encrypts their secrets."""

    noncurrent_days: int = Field(365, ge=30, description="Days that a former state is kept.")


class GitHub(Section):
    """What GitHub's workflows may do: one role that previews, one a environment that deploys."""

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="Repository, `owner/name`.")
    environments: list[LabelValue] = Field(
        min_length=1, description="GitHub environments that deploy, each to the stack of its name."
    )
    regions: list[Region] = Field(min_length=1, description="Regions that are deployed to.")
    domains: dict[LabelValue, Domain] = Field(
        default={},
        description="Environment → its domain (`edge.domain`): records below it are all that it changes.",
    )
    copies: dict[LabelValue, LabelValue] = Field(
        default={},
        description="Environment → the one that keeps copies of its objects (`buckets.replicate_to`): the "
        "only other one whose buckets its roles write to.",
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, values in (("domains", self.domains), ("copies", {**self.copies, **_turned(self.copies)})):
            if unknown := sorted(values.keys() - set(self.environments)):
                raise ValueError(f"{name} has {', '.join(unknown)}, which is not among environments: add it")
        return self


def _turned(pairs: dict[str, str]) -> dict[str, str]:
    return {value: key for key, value in pairs.items()}


class Aws(Section):
    """An account, a region, and what the stack has there."""

    account_id: AccountId = Field(description="Account; the provider refuses to work in another.")
    region: Region = Field(description="Region.")
    protect: bool = Field(
        True, description="Whether Pulumi refuses to delete or replace what holds data, keys and names."
    )
    boundary: bool = Field(
        True,
        description="Whether each role has the environment's permissions boundary, which the stack with "
        "`github` made; a deployment by GitHub cannot make a role without it.",
    )
    logs: LogRetention = Field(default=LogRetention(), description="How long which logs are kept.")
    key_deletion_days: int = Field(30, ge=7, le=30, description="Days in which a deleted key can be saved.")
    network: NetworkSettings | None = Field(None, description="The network.")
    cluster: EksSettings | None = Field(None, description="The cluster.")
    registry: RegistrySettings | None = Field(None, description="The container registry.")
    buckets: BucketsSettings | None = Field(None, description="The buckets.")
    runner: RunnerSettings | None = Field(
        None, description="The way in to a cluster without public endpoint: where GitHub's jobs run."
    )
    secrets: SecretsManager | None = Field(None, description="The secrets.")
    audit: AuditSettings | None = Field(None, description="The audit trail.")
    edge: EdgeSettings | None = Field(None, description="The way in from the internet.")
    budget: CostBudget | None = Field(None, description="The budget.")
    state: StateSettings | None = Field(None, description="State of the stacks.")
    github: GitHub | None = Field(None, description="Roles of GitHub's workflows.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for part, needs in (
            ("cluster", "network"),
            ("runner", "cluster"),
            ("secrets", "cluster"),
            ("edge", "cluster"),
            ("github", "state"),
        ):
            if getattr(self, part) is not None and getattr(self, needs) is None:
                raise ValueError(f"{part} needs {needs}: add it")
        if self.audit is not None and (self.buckets is None or self.buckets.audit is None):
            raise ValueError("audit needs buckets.audit: add it")
        if self.network is not None:
            self._placed(self.network)
        self._reached()
        if self.buckets is not None and (to := self.buckets.replicate_to) and to.region == self.region:
            raise ValueError(f"buckets.replicate_to.region {to.region} is the stack's own: name another")
        if self.registry is not None and self.registry.replicate_to == self.region:
            raise ValueError(f"registry.replicate_to {self.region} is the stack's own: name another")
        self._recoverable()
        return self

    def _reached(self) -> None:
        """Nobody can deploy to a cluster that nothing leads to."""
        if self.cluster is not None and not self.cluster.public_access_cidrs and self.runner is None:
            raise ValueError(
                "cluster has no public endpoint and no runner is in its network, so that nothing reaches it: "
                "add runner, or cluster.public_access_cidrs"
            )
        if self.runner is not None and f":{self.account_id}:" not in self.runner.connection_arn:
            raise ValueError(
                f"runner.connection_arn {self.runner.connection_arn} is not of account {self.account_id}"
            )

    def _recoverable(self) -> None:
        """Copies of backups are worth nothing without what they are encrypted with."""
        if self.buckets is None or self.secrets is None:
            return
        copies = self.buckets.replicate_to.region if self.buckets.replicate_to is not None else None
        if copies != self.secrets.recovery_region:
            raise ValueError(
                f"buckets.replicate_to.region is {copies} and secrets.recovery_region is "
                f"{self.secrets.recovery_region}: the key of the backups has to be where their copies are"
            )

    def _placed(self, network: NetworkSettings) -> None:
        elsewhere = [zone for zone in network.zones if zone[:-1] != self.region]
        if elsewhere:
            raise ValueError(f"network.zones {', '.join(elsewhere)} are not of region {self.region}")
        if (self.cluster is None) != (network.nat == "none"):
            behind = (
                "no cluster is" if self.cluster is None else "a cluster is, whose images and sources are far"
            )
            raise ValueError(
                f"network.nat is {network.nat} and {behind} behind it: use none without a cluster, "
                "one or per-zone with one"
            )
        if self.cluster is not None and len(network.zones) < 2:
            raise ValueError("network.zones has one zone: EKS asks for subnets in two")
        if self.cluster is not None and self.cluster.service_cidr.overlaps(network.cidr):
            raise ValueError(
                f"cluster.service_cidr {self.cluster.service_cidr} overlaps network.cidr {network.cidr}"
            )
