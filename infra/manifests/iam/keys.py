"""Policies of KMS keys: who administers a key, and through which service it may be used."""

from __future__ import annotations

from typing import Final, assert_never

from infra.manifests.iam.document import EVERYTHING, Document, Statement, allow, document
from infra.names import Key, Names

_ADMINISTER: Final = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
USE: Final = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def key_policy(purpose: Key, names: Names) -> Document:
    """Policy of a key.

    The account's IAM policies decide who administers it, and who uses it where a statement says so; nobody
    of another account does either.
    """
    account = {"AWS": f"arn:aws:iam::{names.account_id}:root"}
    return document(allow("Administer", _ADMINISTER, EVERYTHING, to=account), *_uses(purpose, names, account))


def _uses(purpose: Key, names: Names, account: dict[str, str]) -> list[Statement]:
    match purpose:
        case "eks":
            return [allow("Use", USE, EVERYTHING, to=account), _grants(account)]
        case "state":
            return [allow("Use", USE, EVERYTHING, to=account)]
        case "storage":
            return [_through("s3", names, account)]
        case "secrets":
            return [_through("secretsmanager", names, account)]
        case "images":
            # A repository holds a grant, which it gives back when it goes.
            return [_through("ecr", names, account, "kms:CreateGrant", "kms:RetireGrant")]
        case "volumes":
            return _volumes(names)
        case "logs":
            return [_logs(names)]
        case "audit":
            return [_through("s3", names, account), *_trail(names)]
    assert_never(purpose)


def _through(service: str, names: Names, account: dict[str, str], *more: str) -> Statement:
    return allow(
        "Use",
        [*USE, *more],
        EVERYTHING,
        to=account,
        when={"StringEquals": {"kms:ViaService": f"{service}.{names.region}.amazonaws.com"}},
    )


def _grants(account: dict[str, str]) -> Statement:
    """A service that works on by itself holds a grant: EKS for the secrets of its API."""
    return allow(
        "GrantToService",
        ["kms:CreateGrant"],
        EVERYTHING,
        to=account,
        when={"Bool": {"kms:GrantIsForAWSResource": "true"}},
    )


def _volumes(names: Names) -> list[Statement]:
    """Whoever of the account may make a volume may use the key for it.

    Auto Scaling starts nodes by a role that is the service's own and that no policy here can be attached
    to, so the key names everyone of the account, and EC2 as the only way.
    """
    own = {
        "kms:CallerAccount": names.account_id,
        "kms:ViaService": f"ec2.{names.region}.amazonaws.com",
    }
    return [
        allow("Use", USE, EVERYTHING, to={"AWS": "*"}, when={"StringEquals": own}),
        allow(
            "GrantToService",
            ["kms:CreateGrant"],
            EVERYTHING,
            to={"AWS": "*"},
            when={"StringEquals": own, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _logs(names: Names) -> Statement:
    groups = names.arn("logs", "log-group:*")
    return allow(
        "Use",
        USE,
        EVERYTHING,
        to={"Service": f"logs.{names.region}.amazonaws.com"},
        when={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )


def _trail(names: Names) -> list[Statement]:
    trail = {"aws:SourceArn": names.trail_arn}
    service = {"Service": "cloudtrail.amazonaws.com"}
    return [
        allow(
            "EncryptTrail",
            ["kms:GenerateDataKey"],
            EVERYTHING,
            to=service,
            when={
                "StringEquals": trail,
                "StringLike": {
                    "kms:EncryptionContext:aws:cloudtrail:arn": (
                        f"arn:aws:cloudtrail:*:{names.account_id}:trail/*"
                    )
                },
            },
        ),
        # It checks that it can read through the bucket's own key, and makes no trail otherwise.
        allow("DecryptForTrail", ["kms:Decrypt"], EVERYTHING, to=service, when={"StringEquals": trail}),
        allow("DescribeForTrail", ["kms:DescribeKey"], EVERYTHING, to=service, when={"StringEquals": trail}),
    ]
