"""Names of what AWS holds, made from environment, account and region alone.

Both sides use them: what makes a resource, and what refers to it from the cluster or from another stack.
So a manifest never waits for an output of AWS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

PRODUCT: Final = "carbon"

Bucket = Literal["recovery", "mlflow", "warehouse", "audit", "access-logs", "state"]
"""What a bucket is for: backups (Velero and PostgreSQL), model artifacts, Iceberg tables, the audit trail,
requests at the load balancer, the state of the stacks."""

Key = Literal["eks", "volumes", "storage", "secrets", "logs", "images", "audit", "state"]
"""What a KMS key encrypts."""

POSTGRES_BACKUPS: Final = "postgres"
"""Prefix in the recovery bucket of base backups and WAL."""

VELERO_BACKUPS: Final = "velero"
"""Prefix in the recovery bucket of Velero's backups."""

LAKE: Final = "lake"
UPLOADS: Final = "uploads"
DOWNLOADS: Final = "downloads"
"""Prefixes in the warehouse bucket of the Iceberg tables, of the files that legacy systems send, and of those
that tenants asked for."""

BOOTSTRAP: Final = "bootstrap"
"""Environment of the stack that holds the state and makes the roles of GitHub's workflows."""

PREVIEW: Final = "preview"
"""Purpose of the role that previews every environment."""

DISCOVERY_TAG: Final = "karpenter.sh/discovery"
"""Tag with the cluster's name on the subnets and security groups that Karpenter's nodes may use."""

DATABASE: Final = "database"
REDIS: Final = "redis"
EGRESS: Final = "egress"
OWN: Final = "own"
SOURCES: Final = "sources"
VELERO_REPOSITORY: Final = "velero/repository"
GRAFANA_ADMIN: Final = "grafana/admin"
PAGERDUTY: Final = "alertmanager/pagerduty"
SLACK: Final = "alertmanager/slack"

USERNAME: Final = "username"
PASSWORD: Final = "password"  # noqa: S105
"""Field of a generated secret's JSON; a database role's has `username` too."""

NEXT_PASSWORD: Final = "next_password"  # noqa: S105
PREVIOUS_PASSWORD: Final = "previous_password"  # noqa: S105
"""Fields of a secret that rotates: the password to come and the one before, since those who log in and those
who let them in learn of a new one each in its own time."""

VALUE: Final = "value"
"""Field of the JSON of a secret that people give."""


def bucket_key(purpose: Bucket) -> Key:
    """Key of a bucket's objects, of a bucket whose key is ours."""
    return "audit" if purpose == "audit" else "state" if purpose == "state" else "storage"


def database_secret(role: str) -> str:
    """Purpose of the secret of a database role."""
    return f"{DATABASE}/{role}"


def egress_secret(workload: str) -> str:
    """Purpose of the secret by which a workload is known at the egress proxy."""
    return f"{EGRESS}/{workload}"


def own_secret(name: str) -> str:
    """Purpose of a secret that is made up for a workload."""
    return f"{OWN}/{name}"


def source_secret(name: str) -> str:
    """Purpose of a secret of a price source."""
    return f"{SOURCES}/{name}"


def deploy(environment: str) -> str:
    """Purpose of the role that deploys an environment."""
    return f"deploy-{environment}"


@dataclass(frozen=True)
class Names:
    """Args:
    environment: a DNS label, since it is part of bucket names.
    account_id: of 12 digits.

    Raises:
        ValueError: the environment is no DNS label of up to 10 characters, which is what the names have
            room for (a target group's has 32, a bucket's 63).
    """

    environment: str
    account_id: str
    region: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", self.environment):
            raise ValueError(
                f"labels.environment {self.environment!r} cannot be part of a bucket's name: use up to 10 "
                "lower case letters, digits and inner hyphens, a letter first"
            )

    @property
    def prefix(self) -> str:
        """Start of the name of everything that the stack has."""
        return f"{PRODUCT}-{self.environment}"

    @property
    def cluster(self) -> str:
        """The EKS cluster."""
        return self.prefix

    @property
    def system_nodes(self) -> str:
        """Start of the system node group's name: one that is made anew gets another end."""
        return f"{self.prefix}-system-"

    @property
    def cluster_tag(self) -> str:
        """Tag, with value `owned`, of what belongs to the cluster: EKS and Karpenter set it."""
        return f"kubernetes.io/cluster/{self.cluster}"

    @property
    def vpc(self) -> str:
        """Tag `Name` of the VPC: what looks for it finds it by this."""
        return self.prefix

    def arn(self, service: str, resource: str) -> str:
        """ARN of a resource of the account in the region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    def bucket(self, purpose: Bucket) -> str:
        """An S3 bucket; account and region make it the only one in the world."""
        return f"{self.prefix}-{purpose}-{self.account_id}-{self.region}"

    def bucket_arn(self, purpose: Bucket) -> str:
        """ARN of a bucket."""
        return f"arn:aws:s3:::{self.bucket(purpose)}"

    def key_alias(self, purpose: Key) -> str:
        """Alias of a KMS key, as AWS has it: with `alias/`."""
        return f"alias/{PRODUCT}/{self.environment}/{purpose}"

    def key_alias_arn(self, purpose: Key) -> str:
        """ARN of the alias: what EBS, S3 and Velero take in place of a key's own."""
        return self.arn("kms", f"{self.key_alias(purpose)}")

    def role(self, purpose: str) -> str:
        """An IAM role, of at most 64 characters."""
        return f"{self.prefix}-{purpose}"

    def role_arn(self, purpose: str) -> str:
        """ARN of a role."""
        return f"arn:aws:iam::{self.account_id}:role/{self.role(purpose)}"

    @property
    def deployer_arn(self) -> str:
        """ARN of the role by which GitHub deploys the environment."""
        return Names(BOOTSTRAP, self.account_id, self.region).role_arn(deploy(self.environment))

    @property
    def previewer_arn(self) -> str:
        """ARN of the role by which GitHub previews."""
        return Names(BOOTSTRAP, self.account_id, self.region).role_arn(PREVIEW)

    @property
    def trail(self) -> str:
        """The audit trail."""
        return f"{self.prefix}-audit"

    @property
    def trail_arn(self) -> str:
        """ARN of the audit trail: its bucket and its key admit it alone."""
        return self.arn("cloudtrail", f"trail/{self.trail}")

    @property
    def boundary(self) -> str:
        """Policy that no role of the stack exceeds. Its name is none that the stack's own roles may touch."""
        return f"{PRODUCT}-boundary-{self.environment}"

    @property
    def boundary_arn(self) -> str:
        """ARN of that policy; the stack with GitHub's roles makes it."""
        return f"arn:aws:iam::{self.account_id}:policy/{self.boundary}"

    @property
    def node_role(self) -> str:
        """Role of the nodes that Karpenter starts."""
        return self.role("karpenter-node")

    @property
    def node_profile(self) -> str:
        """Instance profile of that role: an EC2NodeClass names it, so that Karpenter need not make one."""
        return self.node_role

    @property
    def runner(self) -> str:
        """CodeBuild project that runs GitHub's jobs; a job asks for `codebuild-<it>-<run>-<attempt>`."""
        return f"{self.prefix}-runner"

    @property
    def interruption_queue(self) -> str:
        """SQS queue on which EC2 announces that a node goes away."""
        return f"{self.cluster}-interruptions"

    def secret(self, purpose: str) -> str:
        """Path in Secrets Manager."""
        return f"{PRODUCT}/{self.environment}/{purpose}"

    def secret_arn(self, purpose: str) -> str:
        """ARN pattern of a secret: Secrets Manager ends it with six random characters."""
        return self.arn("secretsmanager", f"secret:{self.secret(purpose)}-??????")

    def log_group(self, purpose: str) -> str:
        """A CloudWatch log group whose name is ours to choose."""
        return f"/{PRODUCT}/{self.environment}/{purpose}"

    def log_group_arn(self, purpose: str) -> str:
        """ARN of a log group."""
        return self.arn("logs", f"log-group:{self.log_group(purpose)}")

    @property
    def cluster_log_group(self) -> str:
        """Log group of the control plane: EKS writes to this name and no other."""
        return f"/aws/eks/{self.cluster}/cluster"

    @property
    def waf_log_group(self) -> str:
        """Log group of the firewall: AWS asks for this prefix."""
        return f"aws-waf-logs-{self.prefix}"

    def target_group(self, public_name: str) -> str:
        """Target group of a public name: a TargetGroupBinding refers to it."""
        return f"{self.prefix}-{public_name}"

    @property
    def load_balancer(self) -> str:
        """The public load balancer."""
        return f"{self.prefix}-public"

    def repository(self, image: str) -> str:
        """ECR repository of an image."""
        return f"{self.prefix}/{image}"

    @property
    def registry(self) -> str:
        """Host of the container registry."""
        return f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com"
