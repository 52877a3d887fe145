"""What policy documents are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

Document = dict[str, Any]
"""A policy document, as IAM reads it."""

Statement = dict[str, Any]
Condition = Mapping[str, Mapping[str, str | Sequence[str]]]
"""operator → key → value or values."""

EVERYTHING: Final = "*"
"""As a resource: for actions that know none, and in a key's own policy, where it is the key."""


def document(*statements: Statement) -> Document:
    """A document of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def text(made: Document) -> str:
    """A document as AWS resources take it: without white space, since a policy's length is limited."""
    return json.dumps(made, separators=(",", ":"))


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str] | str,
    *,
    to: Mapping[str, str | Sequence[str]] | str | None = None,
    when: Condition | None = None,
) -> Statement:
    """Allow actions on resources.

    Args:
        to: principal, for a resource's own policy.
        when: conditions that all have to hold.
    """
    return _statement("Allow", sid, actions, resources, to, when)


def deny(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str] | str,
    *,
    to: Mapping[str, str | Sequence[str]] | str | None = None,
    when: Condition | None = None,
) -> Statement:
    """Deny actions on resources, whatever else allows them."""
    return _statement("Deny", sid, actions, resources, to, when)


def trust_of_service(service: str, account_id: str) -> Document:
    """Who may take a role on: an AWS service, on behalf of this account alone.

    Args:
        service: its domain, for example `ec2.amazonaws.com`.
    """
    return document(
        allow_to_assume({"Service": service}, when={"StringEquals": {"aws:SourceAccount": account_id}})
    )


def trust_of_host(service: str) -> Document:
    """Who may take a role on: a service that names no account when it does.

    It uses only a role that somebody of the role's account has passed to it.
    """
    return document(allow_to_assume({"Service": service}))


def allow_to_assume(
    principal: Mapping[str, str], *, action: str = "sts:AssumeRole", when: Condition | None = None
) -> Statement:
    """Statement of a trust policy, which has no resource: it is the role's own."""
    made = _statement("Allow", "Assume", [action], "", principal, when)
    del made["Resource"]
    return made


def use_through_ec2(region: str, key_arn: str) -> list[Statement]:
    """What whoever makes a volume needs of its key: EC2 asks in the caller's name, and holds a grant after.

    The key's own policy allows it, too; but whether that counts above a permissions boundary depends on how
    it names the caller, so the role's policy, and with it the boundary, says it as well.
    """
    through = {"kms:ViaService": f"ec2.{region}.amazonaws.com"}
    return [
        allow(
            "VolumeKey",
            [
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
            [key_arn],
            when={"StringEquals": through},
        ),
        allow(
            "VolumeKeyGrant",
            ["kms:CreateGrant"],
            [key_arn],
            when={"StringEquals": through, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _statement(
    effect: str,
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str] | str,
    principal: Mapping[str, str | Sequence[str]] | str | None,
    condition: Condition | None,
) -> Statement:
    made: Statement = {"Sid": sid, "Effect": effect}
    if principal is not None:
        made["Principal"] = principal if isinstance(principal, str) else dict(principal)
    made["Action"] = list(actions)
    made["Resource"] = resources if isinstance(resources, str) else list(resources)
    if condition is not None:
        made["Condition"] = {operator: dict(keys) for operator, keys in condition.items()}
    return made
