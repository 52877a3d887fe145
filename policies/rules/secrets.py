"""Secrets at AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.examples import aws
from policies.limits import Limits
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 a type
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
FSBP = "AWS Foundational Security Best Practices"
MOST_DAYS = 90


def _unturned(stack: Stack, _: Limits) -> Iterator[Finding]:
    rotations = list(stack.of(ROTATION))
    for secret in stack.of(SECRET):
        mine = [r for r in rotations if r.refers_to("secretId", secret)]
        if not mine:
            yield Finding(secret, "it has no SecretRotation")
        for rotation in mine:
            rules = "rotationRules."
            days = rotation.get(f"{rules}automaticallyAfterDays")
            if days is None and not rotation.get(f"{rules}scheduleExpression"):
                yield Finding(rotation, "it says neither days nor a schedule")
            elif days is not None and days > MOST_DAYS:
                yield Finding(rotation, f"{int(days)} days are more than {MOST_DAYS}")


def _plain(secret: Resource, _: Limits) -> Iterator[str]:
    if not secret.get("kmsKeyId"):
        yield "no key of the stack encrypts it"


def _gone(secret: Resource, _: Limits) -> Iterator[str]:
    if secret.get("recoveryWindowInDays", 30) < 7:
        yield "it cannot be had back once it is deleted"


def _secret(**props: Any) -> Resource:
    return aws(SECRET, **{"name": "demo", "kmsKeyId": "arn:aws:kms:demo", **props})


def _rotation(**rules: Any) -> Resource:
    return aws(ROTATION, secretId=_secret(), rotationRules=rules)


RULES = (
    StackRule(
        id="secret-rotated",
        source=f"{FSBP} SecretsManager.1, SecretsManager.4",
        title=f"every secret is renewed every {MOST_DAYS} days",
        remedy="add a SecretRotation; a secret that another company issues is excepted, with who renews it",
        about=(SECRET, ROTATION),
        check=_unturned,
        passes=(
            (_secret(), _rotation(automaticallyAfterDays=30.0)),
            (_secret(), _rotation(scheduleExpression="rate(30 days)")),
        ),
        refuses=(
            (_secret(),),
            (_secret(), _rotation(automaticallyAfterDays=365.0)),
            (_secret(), _rotation()),
        ),
    ),
    ResourceRule(
        id="secret-encrypted",
        source="AWS Well-Architected, Security Pillar SEC08",
        title="a KMS key of the stack encrypts secrets",
        remedy="set kmsKeyId",
        types=frozenset({SECRET}),
        check=_plain,
        passes=(_secret(),),
        refuses=(_secret(kmsKeyId=None),),
    ),
    ResourceRule(
        id="secret-recoverable",
        source="AWS Well-Architected, Reliability Pillar REL09",
        title="a deleted secret can be had back for a week or more",
        remedy="set recoveryWindowInDays to 7 or more, or leave it out",
        types=frozenset({SECRET}),
        check=_gone,
        passes=(_secret(),),
        refuses=(_secret(recoveryWindowInDays=0.0),),
    ),
)
