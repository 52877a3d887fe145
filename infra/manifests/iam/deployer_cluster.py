"""What a deployment may do with the network and the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from infra.manifests.iam.deployer_scope import arn, made, owned
from infra.manifests.iam.document import EVERYTHING, Statement, allow
from infra.names import Names


def network(names: Names, regions: Sequence[str]) -> list[Statement]:
    """The VPC, and what a node group is tried with."""
    everything = [arn(names, "ec2", "*")]
    groups = [arn(names, "ec2", "security-group/*")]
    untagged: dict[str, Mapping[str, str | Sequence[str]]] = {
        "Null": {"aws:ResourceTag/env": "true"},
        "StringEquals": {"aws:RequestedRegion": regions},
    }
    return [
        allow("Make", _EC2_MAKE, everything, when=made(names, regions)),
        allow("MakeWithin", _EC2_MAKE, everything, when=owned(names, regions)),
        allow("Change", _EC2_CHANGE, everything, when=owned(names, regions)),
        allow(
            "TagNew",
            ["ec2:CreateTags"],
            everything,
            when={
                "StringEquals": {
                    "aws:RequestTag/env": names.environment,
                    "ec2:CreateAction": sorted(action.removeprefix("ec2:") for action in _EC2_MAKE),
                }
            },
        ),
        # EKS tries a node group's template in the name of who makes the group.
        allow(
            "TryNodes",
            ["ec2:RunInstances"],
            [arn(names, "ec2", f"{kind}/*") for kind in ("instance", "network-interface", "volume")],
            when=made(names, regions),
        ),
        allow(
            "TryNodesFrom",
            ["ec2:RunInstances"],
            [
                "arn:aws:ec2:*::image/*",
                "arn:aws:ec2:*::snapshot/*",
                *(arn(names, "ec2", f"{kind}/*") for kind in ("launch-template", "security-group", "subnet")),
            ],
            when={"StringEquals": {"aws:RequestedRegion": regions}},
        ),
        # AWS makes a network's default group without a tag; the stack empties it and makes it its own.
        allow(
            "EmptyDefaultGroup",
            ["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"],
            groups,
            when=untagged,
        ),
        allow(
            "OwnDefaultGroup",
            ["ec2:CreateTags"],
            groups,
            when={**made(names, regions), "Null": {"aws:ResourceTag/env": "true"}},
        ),
        # EKS makes the cluster's group, with a tag of its own.
        allow(
            "ClusterGroup",
            [
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:RevokeSecurityGroupIngress",
            ],
            groups,
            when={"StringEquals": {"aws:ResourceTag/aws:eks:cluster-name": names.cluster}},
        ),
    ]


def cluster(names: Names, regions: Sequence[str]) -> list[Statement]:
    """The cluster, and what belongs to it."""
    cluster = names.cluster
    return [
        allow("MakeCluster", ["eks:CreateCluster"], EVERYTHING, when=made(names, regions)),
        allow(
            "Cluster",
            [
                "eks:AssociateAccessPolicy",
                "eks:AssociateEncryptionConfig",
                "eks:CreateAccessEntry",
                "eks:CreateAddon",
                "eks:CreateNodegroup",
                "eks:CreatePodIdentityAssociation",
                "eks:DeleteAccessEntry",
                "eks:DeleteAddon",
                "eks:DeleteCluster",
                "eks:DeleteNodegroup",
                "eks:DeletePodIdentityAssociation",
                "eks:DescribeUpdate",
                "eks:DisassociateAccessPolicy",
                "eks:TagResource",
                "eks:UntagResource",
                "eks:UpdateAccessEntry",
                "eks:UpdateAddon",
                "eks:UpdateClusterConfig",
                "eks:UpdateClusterVersion",
                "eks:UpdateNodegroupConfig",
                "eks:UpdateNodegroupVersion",
                "eks:UpdatePodIdentityAssociation",
            ],
            [
                arn(names, "eks", f"{kind}/{cluster}{rest}")
                for kind, rest in (
                    ("cluster", ""),
                    ("access-entry", "/*"),
                    ("addon", "/*"),
                    ("nodegroup", "/*"),
                    ("podidentityassociation", "/*"),
                )
            ],
        ),
        allow("EncryptVolumes", ["ec2:EnableEbsEncryptionByDefault"], EVERYTHING),
        allow("AddonVersions", ["eks:DescribeAddonConfiguration", "eks:DescribeAddonVersions"], EVERYTHING),
        allow("Images", ["ssm:GetParameter"], ["arn:aws:ssm:*::parameter/aws/service/*"]),
        allow(
            "Queue",
            [
                "sqs:CreateQueue",
                "sqs:DeleteQueue",
                "sqs:SetQueueAttributes",
                "sqs:TagQueue",
                "sqs:UntagQueue",
            ],
            [arn(names, "sqs", names.interruption_queue)],
        ),
        allow(
            "Events",
            [
                "events:DeleteRule",
                "events:PutRule",
                "events:PutTargets",
                "events:RemoveTargets",
                "events:TagResource",
                "events:UntagResource",
            ],
            [arn(names, "events", f"rule/{names.prefix}-*")],
        ),
        allow(
            "Rotation",
            [
                "lambda:AddPermission",
                "lambda:CreateFunction",
                "lambda:DeleteFunction",
                "lambda:InvokeFunction",
                "lambda:RemovePermission",
                "lambda:TagResource",
                "lambda:UntagResource",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            [arn(names, "lambda", f"function:{names.prefix}-*")],
        ),
        allow(
            "Runner",
            [
                "codebuild:CreateProject",
                "codebuild:CreateWebhook",
                "codebuild:DeleteProject",
                "codebuild:DeleteWebhook",
                "codebuild:UpdateProject",
                "codebuild:UpdateWebhook",
            ],
            [arn(names, "codebuild", f"project/{names.runner}")],
        ),
        # A person made the connection; which repository it is used for is the project's.
        allow(
            "RunnersConnection",
            [
                "codeconnections:GetConnection",
                "codeconnections:PassConnection",
                "codeconnections:UseConnection",
            ],
            [arn(names, "codeconnections", "connection/*")],
        ),
    ]


_EC2_MAKE: Final = (
    "ec2:AllocateAddress",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateFlowLogs",
    "ec2:CreateInternetGateway",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateNatGateway",
    "ec2:CreateRouteTable",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSubnet",
    "ec2:CreateVpc",
    "ec2:CreateVpcEndpoint",
)
_EC2_CHANGE: Final = (
    "ec2:AssociateRouteTable",
    "ec2:AttachInternetGateway",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:CreateRoute",
    "ec2:CreateTags",
    "ec2:DeleteFlowLogs",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteLaunchTemplate",
    "ec2:DeleteLaunchTemplateVersions",
    "ec2:DeleteNatGateway",
    "ec2:DeleteRoute",
    "ec2:DeleteRouteTable",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:DeleteTags",
    "ec2:DeleteVpc",
    "ec2:DeleteVpcEndpoints",
    "ec2:DetachInternetGateway",
    "ec2:DisassociateAddress",
    "ec2:DisassociateRouteTable",
    "ec2:ModifyLaunchTemplate",
    "ec2:ModifySecurityGroupRules",
    "ec2:ModifySubnetAttribute",
    "ec2:ModifyVpcAttribute",
    "ec2:ModifyVpcEndpoint",
    "ec2:ReleaseAddress",
    "ec2:ReplaceRoute",
    "ec2:ReplaceRouteTableAssociation",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
)
