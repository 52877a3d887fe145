"""What a deployment may do at AWS: make, change and remove what is its environment's, and nothing else's.

What has a name is bounded by the environment's prefix; what has none by the tag `env`, which the provider
sets on everything that it makes. Roles are made only below the environment's permissions boundary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from infra.manifests.iam.document import EVERYTHING, Document, Statement, allow, document
from infra.manifests.iam.github import READ
from infra.names import PRODUCT, Names

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


def deployer(names: Sequence[Names]) -> dict[str, Document]:
    """Policies of an environment's deploying role, by what they are for.

    Args:
        names: of the environment, one a region that it may be in; at least one.
    """
    own = names[0]
    regions = [one.region for one in names]
    return {
        "network": document(*_network(own, regions)),
        "cluster": document(*_cluster(own, regions)),
        "roles": document(*_roles(own)),
        "data": document(*_data(own, regions)),
        "edge": document(*_edge(own, regions)),
        "records": document(*_records(own)),
    }


def _arn(names: Names, service: str, resource: str) -> str:
    """In any region: the conditions, or the resource's own name, say which."""
    return f"arn:aws:{service}:*:{names.account_id}:{resource}"


def _made(names: Names, regions: Sequence[str]) -> dict[str, Mapping[str, str | Sequence[str]]]:
    return {"StringEquals": {"aws:RequestTag/env": names.environment, "aws:RequestedRegion": regions}}


def _owned(names: Names, regions: Sequence[str]) -> dict[str, Mapping[str, str | Sequence[str]]]:
    return {"StringEquals": {"aws:ResourceTag/env": names.environment, "aws:RequestedRegion": regions}}


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


def _network(names: Names, regions: Sequence[str]) -> list[Statement]:
    everything = [_arn(names, "ec2", "*")]
    groups = [_arn(names, "ec2", "security-group/*")]
    untagged: dict[str, Mapping[str, str | Sequence[str]]] = {
        "Null": {"aws:ResourceTag/env": "true"},
        "StringEquals": {"aws:RequestedRegion": regions},
    }
    return [
        allow("Make", _EC2_MAKE, everything, when=_made(names, regions)),
        allow("MakeWithin", _EC2_MAKE, everything, when=_owned(names, regions)),
        allow("Change", _EC2_CHANGE, everything, when=_owned(names, regions)),
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
            [_arn(names, "ec2", f"{kind}/*") for kind in ("instance", "network-interface", "volume")],
            when=_made(names, regions),
        ),
        allow(
            "TryNodesFrom",
            ["ec2:RunInstances"],
            [
                "arn:aws:ec2:*::image/*",
                "arn:aws:ec2:*::snapshot/*",
                *(
                    _arn(names, "ec2", f"{kind}/*")
                    for kind in ("launch-template", "security-group", "subnet")
                ),
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
            when={**_made(names, regions), "Null": {"aws:ResourceTag/env": "true"}},
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


def _cluster(names: Names, regions: Sequence[str]) -> list[Statement]:
    cluster = names.cluster
    return [
        allow("MakeCluster", ["eks:CreateCluster"], EVERYTHING, when=_made(names, regions)),
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
                _arn(names, "eks", f"{kind}/{cluster}{rest}")
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
            [_arn(names, "sqs", names.interruption_queue)],
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
            [_arn(names, "events", f"rule/{names.prefix}-*")],
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
            [_arn(names, "lambda", f"function:{names.prefix}-*")],
        ),
    ]


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
                        "cloudtrail.amazonaws.com",
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


def _data(names: Names, regions: Sequence[str]) -> list[Statement]:
    keys = [_arn(names, "kms", "key/*")]
    return [
        allow(
            "Buckets",
            [
                "s3:CreateBucket",
                "s3:DeleteBucket",
                "s3:DeleteBucketPolicy",
                "s3:GetBucketObjectLockConfiguration",
                "s3:ListBucket",
                "s3:PutBucketObjectLockConfiguration",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:PutLifecycleConfiguration",
                "s3:PutReplicationConfiguration",
            ],
            [f"arn:aws:s3:::{names.prefix}-*"],
        ),
        allow("MakeKey", ["kms:CreateKey"], EVERYTHING, when=_made(names, regions)),
        allow("TagKey", ["kms:TagResource"], keys, when=_made(names, regions)),
        allow(
            "Keys",
            [
                "kms:CancelKeyDeletion",
                "kms:CreateAlias",
                "kms:CreateGrant",
                "kms:Decrypt",
                "kms:DeleteAlias",
                "kms:DescribeKey",
                "kms:EnableKey",
                "kms:EnableKeyRotation",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:PutKeyPolicy",
                "kms:RetireGrant",
                "kms:ScheduleKeyDeletion",
                "kms:TagResource",
                "kms:UntagResource",
                "kms:UpdateAlias",
                "kms:UpdateKeyDescription",
            ],
            keys,
            when=_owned(names, regions),
        ),
        allow(
            "Aliases",
            ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            [_arn(names, "kms", f"alias/{PRODUCT}/{names.environment}/*")],
        ),
        allow(
            "Secrets",
            [
                "secretsmanager:CancelRotateSecret",
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:RestoreSecret",
                "secretsmanager:RotateSecret",
                "secretsmanager:TagResource",
                "secretsmanager:UntagResource",
                "secretsmanager:UpdateSecret",
            ],
            [_arn(names, "secretsmanager", f"secret:{names.secret('*')}")],
        ),
        allow("RegistryLogin", ["ecr:GetAuthorizationToken"], EVERYTHING),
        allow("Replication", ["ecr:PutReplicationConfiguration"], EVERYTHING),
        # By tag: the second region's repositories have the names of those that are copied to it.
        allow(
            "MakeRepository",
            ["ecr:CreateRepository", "ecr:TagResource"],
            [_arn(names, "ecr", f"repository/{PRODUCT}-*")],
            when=_made(names, regions),
        ),
        allow(
            "Images",
            [
                "ecr:CompleteLayerUpload",
                "ecr:DeleteLifecyclePolicy",
                "ecr:DeleteRepository",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:PutImageScanningConfiguration",
                "ecr:PutImageTagMutability",
                "ecr:PutLifecyclePolicy",
                "ecr:TagResource",
                "ecr:UntagResource",
                "ecr:UploadLayerPart",
            ],
            [_arn(names, "ecr", f"repository/{PRODUCT}-*")],
            when=_owned(names, regions),
        ),
        # An image comes from the environment before, by its digest.
        allow(
            "PromoteImages",
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [_arn(names, "ecr", f"repository/{PRODUCT}-*")],
        ),
    ]


def _edge(names: Names, regions: Sequence[str]) -> list[Statement]:
    name = names.load_balancer
    return [
        allow(
            "Balancer",
            [
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateListener",
                "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:CreateRule",
                "elasticloadbalancing:CreateTargetGroup",
                "elasticloadbalancing:DeleteListener",
                "elasticloadbalancing:DeleteLoadBalancer",
                "elasticloadbalancing:DeleteRule",
                "elasticloadbalancing:DeleteTargetGroup",
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:ModifyListenerAttributes",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:ModifyRule",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:RemoveTags",
                "elasticloadbalancing:SetRulePriorities",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
                "elasticloadbalancing:SetWebAcl",
            ],
            [
                _arn(names, "elasticloadbalancing", f"loadbalancer/app/{name}/*"),
                _arn(names, "elasticloadbalancing", f"listener/app/{name}/*"),
                _arn(names, "elasticloadbalancing", f"listener-rule/app/{name}/*"),
                _arn(names, "elasticloadbalancing", f"targetgroup/{names.prefix}-*"),
            ],
        ),
        allow(
            "Firewall",
            [
                "wafv2:AssociateWebACL",
                "wafv2:CreateIPSet",
                "wafv2:CreateWebACL",
                "wafv2:DeleteIPSet",
                "wafv2:DeleteLoggingConfiguration",
                "wafv2:DeleteWebACL",
                "wafv2:DisassociateWebACL",
                "wafv2:PutLoggingConfiguration",
                "wafv2:TagResource",
                "wafv2:UntagResource",
                "wafv2:UpdateIPSet",
                "wafv2:UpdateWebACL",
            ],
            [
                _arn(names, "wafv2", f"regional/webacl/{names.prefix}-*"),
                _arn(names, "wafv2", f"regional/ipset/{names.prefix}-*"),
                # What a web ACL of ours may refer to.
                "arn:aws:wafv2:*:*:regional/managedruleset/*",
                _arn(names, "elasticloadbalancing", f"loadbalancer/app/{name}/*"),
            ],
        ),
        allow("MakeCertificate", ["acm:RequestCertificate"], EVERYTHING, when=_made(names, regions)),
        allow(
            "TagCertificate",
            ["acm:AddTagsToCertificate"],
            [_arn(names, "acm", "certificate/*")],
            when=_made(names, regions),
        ),
        allow(
            "Certificate",
            ["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RemoveTagsFromCertificate"],
            [_arn(names, "acm", "certificate/*")],
            when=_owned(names, regions),
        ),
        allow("MakeZone", ["route53:CreateHostedZone"], EVERYTHING),
        allow(
            "Zone",
            [
                "route53:ChangeResourceRecordSets",
                "route53:ChangeTagsForResource",
                "route53:DeleteHostedZone",
                "route53:GetChange",
                "route53:UpdateHostedZoneComment",
            ],
            ["arn:aws:route53:::change/*", "arn:aws:route53:::hostedzone/*"],
        ),
    ]


def _records(names: Names) -> list[Statement]:
    return [
        allow(
            "LogGroups",
            [
                "logs:AssociateKmsKey",
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DeleteRetentionPolicy",
                "logs:DisassociateKmsKey",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
                "logs:UntagResource",
            ],
            [
                _arn(names, "logs", f"log-group:{group}*")
                for group in (names.log_group(""), names.cluster_log_group, names.waf_log_group)
            ],
        ),
        allow(
            "LogDelivery",
            [
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DeleteResourcePolicy",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ],
            EVERYTHING,
        ),
        allow(
            "Trail",
            [
                "cloudtrail:AddTags",
                "cloudtrail:CreateTrail",
                "cloudtrail:DeleteTrail",
                "cloudtrail:PutEventSelectors",
                "cloudtrail:RemoveTags",
                "cloudtrail:StartLogging",
                "cloudtrail:StopLogging",
                "cloudtrail:UpdateTrail",
            ],
            [_arn(names, "cloudtrail", f"trail/{names.trail}")],
        ),
        allow(
            "Budget",
            ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"],
            [f"arn:aws:budgets::{names.account_id}:budget/{names.prefix}*"],
        ),
    ]
