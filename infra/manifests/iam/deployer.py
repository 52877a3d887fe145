"""What a deployment may do at AWS: make, change and remove what is its environment's, and nothing else's.

What has a name is bounded by the environment's prefix; what has none by the tag `env`, which the provider
sets on everything that it makes. Roles are made only below the environment's permissions boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.manifests.iam import deployer_cluster, deployer_data
from infra.manifests.iam.document import EVERYTHING, Document, Statement, allow, document
from infra.manifests.iam.github import READ
from infra.names import Names

SERVICES_WITH_OWN_ROLE: Final = (
    "autoscaling.amazonaws.com",
    "eks.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "replication.ecr.amazonaws.com",
    "spot.amazonaws.com",
)
"""Services whose role AWS makes when they are used first in an account."""

MANAGED_POLICIES: Final = (
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKSClusterPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
)
"""Policies that AWS keeps and that a role of the environment may have."""


def deployer(names: Sequence[Names], *, domain: str | None = None) -> dict[str, Document]:
    """Policies of an environment's deploying role, by what they are for.

    Args:
        names: of the environment, one a region that it may be in; at least one.
        domain: below which its records are; without one it has no zone.
    """
    own = names[0]
    regions = [one.region for one in names]
    return {
        "network": document(*deployer_cluster.network(own, regions)),
        "cluster": document(*deployer_cluster.cluster(own, regions)),
        "roles": document(*_roles(own)),
        "data": document(*deployer_data.data(own, regions)),
        "edge": document(*deployer_data.edge(own, regions, domain)),
        "records": document(*deployer_data.records(own)),
    }


def _roles(names: Names) -> list[Statement]:
    iam = f"arn:aws:iam::{names.account_id}"
    roles, policies = f"{iam}:role/{names.prefix}-*", f"{iam}:policy/{names.prefix}-*"
    bounded = {"ArnEquals": {"iam:PermissionsBoundary": names.boundary_arn}}
    return [
        allow("MakeRole", ["iam:CreateRole", "iam:PutRolePermissionsBoundary"], [roles], when=bounded),
        allow(
            "ChangeRole",
            [
                "iam:DeleteRole",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            [roles],
        ),
        allow(
            "Attach",
            ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            [roles],
            when={
                "ArnLike": {
                    "iam:PolicyARN": [
                        policies,
                        *(f"arn:aws:iam::aws:policy/{policy}" for policy in MANAGED_POLICIES),
                    ]
                }
            },
        ),
        allow(
            "Policy",
            [
                "iam:CreatePolicy",
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:TagPolicy",
                "iam:UntagPolicy",
            ],
            [policies],
        ),
        allow(
            "Profile",
            [
                "iam:AddRoleToInstanceProfile",
                "iam:CreateInstanceProfile",
                "iam:DeleteInstanceProfile",
                "iam:RemoveRoleFromInstanceProfile",
                "iam:TagInstanceProfile",
                "iam:UntagInstanceProfile",
            ],
            [f"{iam}:instance-profile/{names.prefix}-*"],
        ),
        allow(
            "Pass",
            ["iam:PassRole"],
            [roles],
            when={
                "StringEquals": {
                    "iam:PassedToService": [
                        "codebuild.amazonaws.com",
                        "ec2.amazonaws.com",
                        "eks.amazonaws.com",
                        "lambda.amazonaws.com",
                        "pods.eks.amazonaws.com",
                        "s3.amazonaws.com",
                        "vpc-flow-logs.amazonaws.com",
                    ]
                }
            },
        ),
        allow(
            "ServiceRoles",
            ["iam:CreateServiceLinkedRole"],
            [f"{iam}:role/aws-service-role/*"],
            when={"StringEquals": {"iam:AWSServiceName": SERVICES_WITH_OWN_ROLE}},
        ),
        allow("Look", READ, EVERYTHING),
    ]
