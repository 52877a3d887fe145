"""The most that a role of an environment may ever do, whoever made it and whatever its policies say."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from infra.manifests.iam import karpenter, pods, services
from infra.manifests.iam.buckets import replication
from infra.manifests.iam.document import EVERYTHING, Document, Statement, allow, document
from infra.names import PRODUCT, Names

_NODES_READ: Final = (
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcs",
    # The images of EKS's add-ons are in accounts of AWS, another one in each region.
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
)
_NODES: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:AttachNetworkInterface",
    "ec2:CreateNetworkInterface",
    "ec2:CreateTags",
    "ec2:DeleteNetworkInterface",
    "ec2:DetachNetworkInterface",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:UnassignPrivateIpAddresses",
    "eks-auth:AssumeRoleForPodIdentity",
)
"""What nodes, their network and the control plane use of the policies that AWS keeps for them."""

_MACHINES: Final = ("instance", "volume")
_PARTS: Final = (
    "capacity-reservation",
    "fleet",
    "launch-template",
    "network-interface",
    "security-group",
    "snapshot",
    "spot-instances-request",
    "subnet",
)


def boundary(names: Names) -> Document:
    """Permissions boundary of an environment's roles.

    Its actions are those that the documents of its roles name, no more: a role that is given another one
    has it in vain. Machines and volumes are only the environment's own, by the tag that each has from its
    start; so are keys, and what has a name.
    """
    anywhere, own = _actions(names)
    machines = [_any(names, "ec2", f"{kind}/*") for kind in _MACHINES]
    parts = [_any(names, "ec2", f"{kind}/*") for kind in _PARTS]
    ec2, kms = _of("ec2", own), _of("kms", own)
    env = names.environment
    return document(
        allow("Read", sorted(anywhere), EVERYTHING),
        _named(own - set(ec2) - set(kms), names),
        allow("Keys", kms, [_any(names, "kms", "key/*")], when=_tag("Resource", "managed-by", "pulumi")),
        allow("Parts", ec2, [*parts, "arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*"]),
        allow("NewMachines", ec2, machines, when=_tag("Request", "env", env)),
        allow("Machines", ec2, machines, when=_tag("Resource", "env", env)),
    )


def _actions(names: Names) -> tuple[set[str], set[str]]:
    """Actions of the environment's roles: those that know no resource, and the others."""
    key, queue = names.arn("kms", "key/*"), names.arn("sqs", names.interruption_queue)
    anywhere: set[str] = {*_NODES_READ}
    own: set[str] = {*_NODES}
    for made in (
        karpenter.controller(names, queue),
        pods.cert_manager("arn:aws:route53:::hostedzone/*"),
        pods.ebs_csi(names),
        pods.external_secrets(names, key),
        pods.load_balancer_controller(names),
        pods.mlflow(names, key),
        pods.postgres(names, key),
        pods.velero(names, key),
        replication(["recovery"], names, [key], names),
        services.cluster_key(key),
        services.log_delivery(names, "any"),
        services.rotation(names, key, "any"),
    ):
        for statement in made["Statement"]:
            (anywhere if statement["Resource"] == EVERYTHING else own).update(statement["Action"])
    return anywhere, own - anywhere


def _named(actions: Set[str], names: Names) -> Statement:
    """What is bounded by the environment's names; a bucket by the product's, for copies in another region."""
    return allow(
        "Named",
        sorted(actions),
        [
            f"arn:aws:s3:::{PRODUCT}-*",
            f"arn:aws:iam::{names.account_id}:role/{names.prefix}-*",
            _any(names, "eks", f"cluster/{names.cluster}"),
            _any(names, "elasticloadbalancing", f"targetgroup/{names.prefix}-*"),
            _any(names, "logs", f"log-group:{names.log_group('*')}"),
            _any(names, "secretsmanager", f"secret:{names.secret('*')}"),
            _any(names, "sqs", names.interruption_queue),
            "arn:aws:route53:::change/*",
            "arn:aws:route53:::hostedzone/*",
            # Parameters that AWS gives to all: they name its images.
            "arn:aws:ssm:*::parameter/aws/service/*",
        ],
    )


def _of(service: str, actions: Set[str]) -> list[str]:
    return sorted(action for action in actions if action.startswith(f"{service}:"))


def _any(names: Names, service: str, resource: str) -> str:
    """In any region: an environment may be in more than one."""
    return f"arn:aws:{service}:*:{names.account_id}:{resource}"


def _tag(of: str, key: str, value: str) -> dict[str, dict[str, str]]:
    return {"StringEquals": {f"aws:{of}Tag/{key}": value}}
