"""The most that a role of an environment may ever do, whoever made it and whatever its policies say."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

from infra.manifests.iam import karpenter, pods, services
from infra.manifests.iam.buckets import COPY, replication
from infra.manifests.iam.deployer_scope import RECORDS, below
from infra.manifests.iam.document import EVERYTHING, Document, Statement, allow, document
from infra.names import Names

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


def boundary(names: Names, *, domain: str | None = None, copies_to: str | None = None) -> Document:
    """Permissions boundary of an environment's roles.

    Its actions are those that the documents of its roles name, no more: a role that is given another one
    has it in vain. Machines and volumes are only the environment's own, by the tag that each has from its
    start; so are keys, and what has a name.

    Args:
        domain: below which its records are; without one it changes none.
        copies_to: environment whose buckets and keys take copies of its objects.
    """
    anywhere, own = _actions(names)
    machines = [_any(names, "ec2", f"{kind}/*") for kind in _MACHINES]
    parts = [_any(names, "ec2", f"{kind}/*") for kind in _PARTS]
    ec2, kms = _of("ec2", own), _of("kms", own)
    env, keys = names.environment, [_any(names, "kms", "key/*")]
    apart = {*ec2, *kms, *COPY, RECORDS}
    return document(
        allow("Read", sorted(anywhere), EVERYTHING),
        _named(own - apart, names),
        allow("Keys", kms, keys, when=_tag("Resource", "env", env)),
        *_copies(names, keys, copies_to),
        *(
            [allow("Records", [RECORDS], ["arn:aws:route53:::hostedzone/*"], when=below(domain))]
            if domain
            else []
        ),
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
        karpenter.controller(names, queue, key),
        pods.cert_manager("arn:aws:route53:::hostedzone/*"),
        pods.ebs_csi(names, key),
        pods.external_secrets(names, key),
        pods.load_balancer_controller(names),
        pods.mlflow(names, key),
        pods.postgres(names, key),
        pods.velero(names, key),
        replication(["recovery"], names, [key], names),
        services.cluster_key(key),
        services.log_delivery(names, "any"),
        services.rotation(names, key, "any"),
        services.runner(names, names.arn("codeconnections", "connection/*")),
    ):
        for statement in made["Statement"]:
            (anywhere if statement["Resource"] == EVERYTHING else own).update(statement["Action"])
    return anywhere, own - anywhere


def _copies(names: Names, keys: Sequence[str], to: str | None) -> list[Statement]:
    if to is None:
        return []
    theirs = Names(to, names.account_id, names.region).prefix
    encrypt = ["kms:Encrypt", "kms:GenerateDataKey"]
    return [
        allow("Copies", COPY, [f"arn:aws:s3:::{theirs}-*"]),
        allow("KeysOfCopies", encrypt, keys, when=_tag("Resource", "env", to)),
    ]


def _named(actions: Set[str], names: Names) -> Statement:
    """What is bounded by the environment's names."""
    return allow(
        "Named",
        sorted(actions),
        [
            f"arn:aws:s3:::{names.prefix}-*",
            f"arn:aws:iam::{names.account_id}:role/{names.prefix}-*",
            _any(names, "eks", f"cluster/{names.cluster}"),
            _any(names, "elasticloadbalancing", f"targetgroup/{names.prefix}-*"),
            _any(names, "logs", f"log-group:{names.log_group('*')}"),
            _any(names, "secretsmanager", f"secret:{names.secret('*')}"),
            _any(names, "sqs", names.interruption_queue),
            _any(names, "codeconnections", "connection/*"),
            # Zones and changes: of these, the actions above are all that there is.
            "arn:aws:route53:::*",
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
