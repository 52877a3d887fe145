"""What GitHub's workflows may do at AWS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.manifests.iam.document import EVERYTHING, Document, allow, allow_to_assume, deny, document
from infra.names import Names

ISSUER: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"


def trust(account_id: str, repository: str, subjects: Sequence[str]) -> Document:
    """Who may take a role on: a workflow of the repository whose token has one of the subjects.

    Args:
        subjects: after the repository's name, for example `environment:prod`.
    """
    return document(
        allow_to_assume(
            {"Federated": f"arn:aws:iam::{account_id}:oidc-provider/{ISSUER}"},
            action="sts:AssumeRoleWithWebIdentity",
            when={
                "StringEquals": {
                    f"{ISSUER}:aud": AUDIENCE,
                    f"{ISSUER}:sub": [f"repo:{repository}:{subject}" for subject in subjects],
                }
            },
        )
    )


def previewer(names: Names, key_arn: str) -> Document:
    """Read the stacks' state; beside it the role has `SecurityAudit`, which reads settings and no data.

    Args:
        names: of the stack that holds the state.
        key_arn: of the state.
    """
    state = names.bucket_arn("state")
    return document(
        allow("State", ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"], [state, f"{state}/*"]),
        allow("Secrets", ["kms:Decrypt", "kms:DescribeKey"], [key_arn]),
        allow("Settings", READ, EVERYTHING),
        deny(
            "NoValues",
            ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue", "ssm:GetParameter"],
            EVERYTHING,
        ),
    )


def state_writer(names: Names, key_arn: str, *, project: str, stack: str) -> Document:
    """Read and write one stack's state: its checkpoint, what it was before, and the lock.

    All states are encrypted with one key, and this role may use it; what it cannot read it cannot decrypt.

    Args:
        names: of the stack that holds the state.
        key_arn: of the state.
        project: name in Pulumi.yaml, part of where the engine keeps what it knows of a stack.
    """
    state = names.bucket_arn("state")
    kept = f"{state}/.pulumi"
    own = [
        f"{kept}/stacks/{project}/{stack}.json*",
        f"{kept}/history/{project}/{stack}/*",
        f"{kept}/backups/{project}/{stack}/*",
        f"{kept}/locks/organization/{project}/{stack}/*",
    ]
    return document(
        allow("Find", ["s3:GetBucketLocation", "s3:ListBucket"], [state]),
        allow("Version", ["s3:GetObject"], [f"{kept}/meta.yaml"]),
        allow("State", ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], own),
        allow("Secrets", ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"], [key_arn]),
    )


READ: Final = (
    "acm:DescribeCertificate",
    "acm:ListTagsForCertificate",
    "budgets:ListTagsForResource",
    "budgets:ViewBudget",
    "codebuild:BatchGetProjects",
    "ec2:GetEbsEncryptionByDefault",
    "ecr:DescribeRegistry",
    "ecr:GetLifecyclePolicy",
    "ecr:ListTagsForResource",
    "eks:DescribeAccessEntry",
    "eks:DescribeAddon",
    "eks:DescribeCluster",
    "eks:DescribeNodegroup",
    "eks:DescribePodIdentityAssociation",
    "eks:ListAssociatedAccessPolicies",
    "lambda:GetFunction",
    "lambda:GetFunctionCodeSigningConfig",
    "logs:ListTagsForResource",
    "s3:GetBucketObjectLockConfiguration",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetResourcePolicy",
    "sqs:GetQueueAttributes",
    "sqs:ListQueueTags",
    "wafv2:GetIPSet",
    "wafv2:GetLoggingConfiguration",
    "wafv2:GetWebACL",
    "wafv2:GetWebACLForResource",
    "wafv2:ListTagsForResource",
)
"""What a refresh reads beyond the policy `SecurityAudit` that AWS keeps."""
