"""What a deployment may do with what holds data, the way in, and the records of what happens."""

from __future__ import annotations

from collections.abc import Sequence

from infra.manifests.iam.deployer_scope import RECORDS, arn, below, made, owned
from infra.manifests.iam.document import EVERYTHING, Statement, allow
from infra.names import PRODUCT, Names


def data(names: Names, regions: Sequence[str]) -> list[Statement]:
    """What holds data, and the keys that it is encrypted with."""
    keys = [arn(names, "kms", "key/*")]
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
        allow("MakeKey", ["kms:CreateKey"], EVERYTHING, when=made(names, regions)),
        allow("TagKey", ["kms:TagResource"], keys, when=made(names, regions)),
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
            when=owned(names, regions),
        ),
        allow(
            "Aliases",
            ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            [arn(names, "kms", f"alias/{PRODUCT}/{names.environment}/*")],
        ),
        allow(
            "Secrets",
            [
                "secretsmanager:CancelRotateSecret",
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:RemoveRegionsFromReplication",
                "secretsmanager:ReplicateSecretToRegions",
                "secretsmanager:RestoreSecret",
                "secretsmanager:RotateSecret",
                "secretsmanager:TagResource",
                "secretsmanager:UntagResource",
                "secretsmanager:UpdateSecret",
            ],
            [arn(names, "secretsmanager", f"secret:{names.secret('*')}")],
        ),
        allow("RegistryLogin", ["ecr:GetAuthorizationToken"], EVERYTHING),
        allow("Replication", ["ecr:PutReplicationConfiguration"], EVERYTHING),
        # By tag: the second region's repositories have the names of those that are copied to it.
        allow(
            "MakeRepository",
            ["ecr:CreateRepository", "ecr:TagResource"],
            [arn(names, "ecr", f"repository/{PRODUCT}-*")],
            when=made(names, regions),
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
            [arn(names, "ecr", f"repository/{PRODUCT}-*")],
            when=owned(names, regions),
        ),
        # An image comes from the environment before, by its digest.
        allow(
            "PromoteImages",
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [arn(names, "ecr", f"repository/{PRODUCT}-*")],
        ),
    ]


def edge(names: Names, regions: Sequence[str], domain: str | None) -> list[Statement]:
    """The way in from the internet.

    Args:
        domain: below which its records are; without one it has no zone.
    """
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
                arn(names, "elasticloadbalancing", f"loadbalancer/app/{name}/*"),
                arn(names, "elasticloadbalancing", f"listener/app/{name}/*"),
                arn(names, "elasticloadbalancing", f"listener-rule/app/{name}/*"),
                arn(names, "elasticloadbalancing", f"targetgroup/{names.prefix}-*"),
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
                arn(names, "wafv2", f"regional/webacl/{names.prefix}-*"),
                arn(names, "wafv2", f"regional/ipset/{names.prefix}-*"),
                # What a web ACL of ours may refer to.
                "arn:aws:wafv2:*:*:regional/managedruleset/*",
                arn(names, "elasticloadbalancing", f"loadbalancer/app/{name}/*"),
            ],
        ),
        allow("MakeCertificate", ["acm:RequestCertificate"], EVERYTHING, when=made(names, regions)),
        allow(
            "TagCertificate",
            ["acm:AddTagsToCertificate"],
            [arn(names, "acm", "certificate/*")],
            when=made(names, regions),
        ),
        allow(
            "Certificate",
            ["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RemoveTagsFromCertificate"],
            [arn(names, "acm", "certificate/*")],
            when=owned(names, regions),
        ),
        *(_zone(domain) if domain is not None else []),
    ]


def _zone(domain: str) -> list[Statement]:
    """Another environment's zone cannot go, either: it has records, and these cannot be removed from here."""
    zones = ["arn:aws:route53:::hostedzone/*"]
    return [
        allow("MakeZone", ["route53:CreateHostedZone"], EVERYTHING),
        allow("Records", [RECORDS], zones, when=below(domain)),
        allow(
            "Zone",
            [
                "route53:ChangeTagsForResource",
                "route53:DeleteHostedZone",
                "route53:GetChange",
                "route53:UpdateHostedZoneComment",
            ],
            ["arn:aws:route53:::change/*", *zones],
        ),
    ]


def records(names: Names) -> list[Statement]:
    """Logs and the budget. The audit trail is the account's: no deployment of an environment may touch it."""
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
                arn(names, "logs", f"log-group:{group}*")
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
            "Budget",
            ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"],
            [f"arn:aws:budgets::{names.account_id}:budget/{names.prefix}*"],
        ),
    ]
