"""Keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from policies import documents
from policies.examples import aws
from policies.limits import Limits
from policies.rule import Resource, ResourceRule

KEY = "aws:kms/key:Key"
REPLICA = "aws:kms/replicaKey:ReplicaKey"
SYMMETRIC = {None, "SYMMETRIC_DEFAULT"}


def _unturned(key: Resource, _: Limits) -> Iterator[str]:
    if key.get("customerMasterKeySpec") in SYMMETRIC and not key.get("enableKeyRotation"):
        yield "enableKeyRotation is not set"


def _hasty(key: Resource, _: Limits) -> Iterator[str]:
    if (days := key.get("deletionWindowInDays", 30)) < 30:
        yield f"it is gone {int(days)} days after it is deleted, and with it all that it encrypts"


def _key(**props: Any) -> Resource:
    return aws(KEY, **{"enableKeyRotation": True, **props})


def _anyone(resource: Resource, _: Limits) -> Iterator[str]:
    for statement in documents.statements(resource.get("policy", "{}")):
        if documents.allows(statement) and "NotPrincipal" in statement:
            yield "a statement allows all but somebody"
        if (
            documents.allows(statement)
            and "*" in documents.principals(statement)
            and not documents.conditions(statement)
        ):
            yield f"{', '.join(documents.listed(statement, 'Action'))} is allowed to everybody"


def _policy(**statement: Any) -> str:
    base = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**base, "Action": "kms:*", **statement}]})


RULES = (
    ResourceRule(
        id="kms-rotation",
        source="AWS Foundational Security Best Practices KMS.4",
        title="a key's material is renewed every year",
        remedy="set enableKeyRotation",
        types=frozenset({KEY}),
        check=_unturned,
        passes=(_key(), _key(enableKeyRotation=False, customerMasterKeySpec="ECC_NIST_P256")),
        refuses=(_key(enableKeyRotation=None), _key(enableKeyRotation=False)),
    ),
    ResourceRule(
        id="kms-deletion-window",
        source="AWS Well-Architected, Security Pillar SEC08",
        title="a deleted key can be had back for thirty days",
        remedy="set deletionWindowInDays: 30, or leave it out",
        types=frozenset({KEY, REPLICA}),
        check=_hasty,
        passes=(_key(), _key(deletionWindowInDays=30.0)),
        refuses=(_key(deletionWindowInDays=7.0),),
    ),
    ResourceRule(
        id="resource-policy-names-principals",
        source="AWS Foundational Security Best Practices KMS.5, S3.6, SQS.3",
        title="the policy of a resource says who may use it",
        remedy="name accounts, roles or services as Principal, or bound the statement by a condition",
        types=frozenset(
            {
                KEY,
                REPLICA,
                "aws:kms/keyPolicy:KeyPolicy",
                "aws:s3/bucketPolicy:BucketPolicy",
                "aws:ecr/repositoryPolicy:RepositoryPolicy",
                "aws:secretsmanager/secretPolicy:SecretPolicy",
                "aws:sqs/queue:Queue",
                "aws:sqs/queuePolicy:QueuePolicy",
                "aws:sns/topicPolicy:TopicPolicy",
                "aws:ec2/vpcEndpoint:VpcEndpoint",
            }
        ),
        check=_anyone,
        passes=(_key(), _key(policy=_policy())),
        refuses=(_key(policy=_policy(Principal="*")), _key(policy=_policy(Principal={"AWS": "*"}))),
    ),
)
