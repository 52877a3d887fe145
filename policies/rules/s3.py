"""Buckets: closed, encrypted, versioned, asked over TLS; what is evidence cannot be deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from policies import documents
from policies.examples import aws
from policies.limits import Limits
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule

BUCKET = "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
ACL = "aws:s3/bucketAcl:BucketAcl"
TRAIL = "aws:cloudtrail/trail:Trail"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"

FSBP = "AWS Foundational Security Best Practices"
AUDIT_DAYS = 731
"""Two years, one of them a leap year."""

_BLOCKED = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _every_bucket(
    token: str,
    broken: Callable[[Resource], str | None],
    *,
    missing: str,
    among: Callable[[Stack], Iterator[Resource]] = lambda stack: stack.of(BUCKET),
) -> Callable[[Stack, Limits], Iterator[Finding]]:
    """A check that each bucket has a resource of a type, which is as it should be."""

    def check(stack: Stack, _: Limits) -> Iterator[Finding]:
        companions = list(stack.of(token))
        for bucket in among(stack):
            mine = [c for c in companions if c.refers_to("bucket", bucket)]
            if not mine:
                yield Finding(bucket, missing)
            for companion in mine:
                if problem := broken(companion):
                    yield Finding(companion, problem)

    return check


def _open(block: Resource) -> str | None:
    off = [name for name in _BLOCKED if not block.get(name)]
    return f"{', '.join(off)} are not set" if off else None


def _plain(encryption: Resource) -> str | None:
    rules: list[dict[str, Any]] = encryption.get("rules", [])
    defaults: list[dict[str, Any]] = [r.get("applyServerSideEncryptionByDefault") or {} for r in rules]
    if not any(d.get("sseAlgorithm") in {"aws:kms", "aws:kms:dsse"} for d in defaults):
        return "its default encryption is not aws:kms"
    if not any(d.get("kmsMasterKeyId") for d in defaults):
        return "it names no key, so that AWS's own encrypts"
    return None


def _encryptable(stack: Stack) -> Iterator[Resource]:
    """Buckets that a key of the stack can encrypt: a load balancer writes only where AWS's own does."""
    balancers = list(stack.of(BALANCER))
    return (b for b in stack.of(BUCKET) if not any(_logs_to(balancer, b) for balancer in balancers))


def _logs_to(balancer: Resource, bucket: Resource) -> bool:
    named = balancer.get("accessLogs.bucket")
    return bucket.urn in balancer.sources.get("accessLogs", ()) or (
        named is not None and named == bucket.get("bucket")
    )


def _unversioned(versioning: Resource) -> str | None:
    status = versioning.get("versioningConfiguration.status")
    return None if status == "Enabled" else f"versioning is {status}"


def _in_clear(policy: Resource) -> str | None:
    for statement in documents.statements(policy.get("policy", "{}")):
        insecure = documents.conditions(statement).get("aws:securetransport", [])
        if (
            statement.get("Effect") == "Deny"
            and [str(v).lower() for v in insecure] == ["false"]
            and "*" in documents.principals(statement)
            and {"s3:*", "*"} & set(documents.listed(statement, "Action"))
            and _covers_bucket_and_objects(documents.listed(statement, "Resource"))
        ):
            return None
    return "no statement denies everybody everything where aws:SecureTransport is false"


def _covers_bucket_and_objects(resources: list[str]) -> bool:
    return "*" in resources or (
        any(r.endswith("/*") for r in resources) and any(not r.endswith("/*") for r in resources)
    )


def _locked(stack: Stack, _: Limits) -> Iterator[Finding]:
    locks, trails = list(stack.of(LOCK)), list(stack.of(TRAIL))
    for bucket in stack.of(BUCKET):
        if not _is_audit(bucket, trails):
            continue
        if not bucket.get("objectLockEnabled"):
            yield Finding(bucket, "objectLockEnabled is not set; it can only be when the bucket is made")
        mine = [lock for lock in locks if lock.refers_to("bucket", bucket)]
        if not mine:
            yield Finding(bucket, "it has no BucketObjectLockConfiguration")
        for lock in mine:
            days = int(lock.get("rule.defaultRetention.days", 0))
            years = int(lock.get("rule.defaultRetention.years", 0))
            if days < AUDIT_DAYS and years < 2:
                yield Finding(
                    lock, f"it keeps objects for {years} years and {days} days, two years are asked"
                )


def _is_audit(bucket: Resource, trails: list[Resource]) -> bool:
    return (
        "audit" in bucket.name
        or "-audit-" in str(bucket.get("bucket", ""))
        or any(trail.refers_to("s3BucketName", bucket) for trail in trails)
    )


def _acl(acl: Resource, _: Limits) -> Iterator[str]:
    if str(acl.get("acl", "")).startswith(("public", "authenticated")):
        yield f"its ACL is {acl.get('acl')}"


def _forced(bucket: Resource, _: Limits) -> Iterator[str]:
    if bucket.get("forceDestroy"):
        yield "forceDestroy is set"


def _bucket(name: str = "demo", **props: Any) -> Resource:
    return aws(BUCKET, name, id=name, bucket=name, **props)


def _tls(**changes: Any) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::demo", "arn:aws:s3:::demo/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **changes}]})


def _encryption(**default: Any) -> Resource:
    return aws(
        ENCRYPTION,
        bucket=_bucket(),
        rules=[{"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": True}],
    )


def _retention(**default: Any) -> Resource:
    return aws(LOCK, bucket=_bucket("audit"), rule={"defaultRetention": {"mode": "COMPLIANCE", **default}})


_ALL = dict.fromkeys(_BLOCKED, True)

RULES = (
    StackRule(
        id="s3-public-access-blocked",
        source=f"{FSBP} S3.8",
        title="public access to every bucket is blocked, in all four ways",
        remedy=f"add a BucketPublicAccessBlock with {', '.join(_BLOCKED)}",
        about=(BUCKET, BLOCK),
        check=_every_bucket(BLOCK, _open, missing="it has no BucketPublicAccessBlock"),
        passes=(
            (_bucket(), aws(BLOCK, bucket=_bucket(), **_ALL)),
            (_bucket(), aws(BLOCK, bucket="demo", **_ALL)),
        ),
        refuses=(
            (_bucket(),),
            (_bucket(), aws(BLOCK, bucket=_bucket("other"), **_ALL)),
            (_bucket(), aws(BLOCK, bucket=_bucket(), **{**_ALL, "blockPublicPolicy": False})),
        ),
    ),
    StackRule(
        id="s3-encrypted",
        source=f"{FSBP} S3.17",
        title="a KMS key of the stack encrypts every bucket but those of load balancers' logs",
        remedy="add a BucketServerSideEncryptionConfiguration with aws:kms and the key",
        about=(BUCKET, ENCRYPTION, BALANCER),
        check=_every_bucket(
            ENCRYPTION, _plain, missing="it has no encryption configuration", among=_encryptable
        ),
        passes=(
            (_bucket(), _encryption(sseAlgorithm="aws:kms", kmsMasterKeyId="arn:aws:kms:demo")),
            (
                _bucket(),
                _encryption(sseAlgorithm="AES256"),
                aws(BALANCER, accessLogs={"bucket": "demo", "enabled": True}),
            ),
        ),
        refuses=(
            (_bucket(),),
            (_bucket(), _encryption(sseAlgorithm="AES256")),
            (_bucket(), _encryption(sseAlgorithm="aws:kms")),
        ),
    ),
    StackRule(
        id="s3-versioned",
        source=f"{FSBP} S3.14",
        title="every bucket keeps the versions of its objects",
        remedy="add a BucketVersioning with status Enabled",
        about=(BUCKET, VERSIONING),
        check=_every_bucket(VERSIONING, _unversioned, missing="it has no BucketVersioning"),
        passes=(
            (_bucket(), aws(VERSIONING, bucket=_bucket(), versioningConfiguration={"status": "Enabled"})),
        ),
        refuses=(
            (_bucket(),),
            (_bucket(), aws(VERSIONING, bucket=_bucket(), versioningConfiguration={"status": "Suspended"})),
        ),
    ),
    StackRule(
        id="s3-tls-only",
        source=f"{FSBP} S3.5",
        title="every bucket answers over TLS only",
        remedy="add a BucketPolicy that denies s3:* on the bucket and its objects where aws:SecureTransport "
        "is false",
        about=(BUCKET, POLICY),
        check=_every_bucket(POLICY, _in_clear, missing="it has no BucketPolicy"),
        passes=((_bucket(), aws(POLICY, bucket=_bucket(), policy=_tls())),),
        refuses=(
            (_bucket(),),
            (_bucket(), aws(POLICY, bucket=_bucket(), policy=_tls(Resource="arn:aws:s3:::demo"))),
            (_bucket(), aws(POLICY, bucket=_bucket(), policy=_tls(Effect="Allow"))),
        ),
    ),
    StackRule(
        id="s3-audit-locked",
        source="AWS Well-Architected, Security Pillar SEC04; two years of evidence",
        title="what the audit bucket holds cannot be deleted for two years",
        remedy=f"set objectLockEnabled, and a BucketObjectLockConfiguration of {AUDIT_DAYS} days or more",
        about=(BUCKET, LOCK, TRAIL),
        check=_locked,
        passes=(
            (_bucket(),),
            (_bucket("audit", objectLockEnabled=True), _retention(days=731)),
            (_bucket("audit", objectLockEnabled=True), _retention(years=2)),
        ),
        refuses=(
            (_bucket("audit", objectLockEnabled=True),),
            (_bucket("audit"), _retention(days=731)),
            (_bucket("audit", objectLockEnabled=True), _retention(days=365)),
            (_bucket("trail"), aws(TRAIL, s3BucketName=_bucket("trail"))),
        ),
    ),
    ResourceRule(
        id="s3-no-public-acl",
        source=f"{FSBP} S3.2, S3.3",
        title="no ACL lets everybody in",
        remedy="remove the BucketAcl: the owner's rights and the bucket's policy are enough",
        types=frozenset({BUCKET, ACL}),
        check=_acl,
        passes=(aws(ACL, acl="private"),),
        refuses=(aws(ACL, acl="public-read"), aws(ACL, acl="authenticated-read")),
    ),
    ResourceRule(
        id="s3-not-force-destroyed",
        source="AWS Well-Architected, Reliability Pillar REL09",
        title="a bucket that holds objects cannot be deleted",
        remedy="remove forceDestroy; who must delete a bucket empties it first",
        types=frozenset({BUCKET}),
        check=_forced,
        passes=(_bucket(),),
        refuses=(_bucket(forceDestroy=True),),
    ),
)
