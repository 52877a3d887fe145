"""An S3 bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.manifests.iam.buckets import bucket_policy
from infra.manifests.iam.document import text
from infra.names import Bucket as Purpose


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Args:
    days: that nothing can be deleted or changed.
    mode: whether anybody may end it before.
    """

    days: int
    mode: Literal["GOVERNANCE", "COMPLIANCE"]


@dataclass(frozen=True, kw_only=True)
class BucketArgs:
    """Args:
    key_arn: of its objects; where None S3 has the key, for a service that can write with no other.
    noncurrent_days: that a replaced or deleted version is kept.
    expire_days: after which an object goes.
    infrequent_after_days: after which an object moves to storage for infrequent access.
    """

    site: AwsSite
    purpose: Purpose
    key_arn: pulumi.Input[str] | None
    noncurrent_days: int
    expire_days: int | None = None
    infrequent_after_days: int | None = None
    lock: Lock | None = None


class Bucket(AwsComponent):
    """A private bucket: versioned, encrypted, reached by TLS alone, its owner the only owner.

    `ready` is what must be there before who writes to it.
    """

    TYPE: ClassVar[str] = "carbon:aws:Bucket"

    def __init__(self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        bucket = aws.s3.Bucket(
            name,
            bucket=args.site.names.bucket(args.purpose),
            force_destroy=False,
            object_lock_enabled=args.lock is not None,
            opts=self.below(protect=args.site.protect),
        )
        self.bucket = bucket.bucket
        self.arn = bucket.arn
        closed = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.below(),
        )
        aws.s3.BucketOwnershipControls(
            name,
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self.below(),
        )
        versioned = aws.s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self.below(),
        )
        encrypted = aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    bucket_key_enabled=args.key_arn is not None,
                    apply_server_side_encryption_by_default=_encryption(args.key_arn),
                )
            ],
            opts=self.below(),
        )
        policy = aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=text(bucket_policy(args.purpose, args.site.names)),
            opts=self.below(after=[closed]),
        )
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.bucket,
            rules=_life_cycle(args),
            opts=self.below(after=[versioned]),
        )
        if args.lock is not None:
            aws.s3.BucketObjectLockConfiguration(
                name,
                bucket=bucket.bucket,
                rule=aws.s3.BucketObjectLockConfigurationRuleArgs(
                    default_retention=aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                        mode=args.lock.mode, days=args.lock.days
                    )
                ),
                opts=self.below(after=[versioned]),
            )
        self.ready: list[pulumi.Resource] = [bucket, encrypted, policy, versioned]
        self.register_outputs({"bucket": self.bucket})


def _encryption(
    key_arn: pulumi.Input[str] | None,
) -> aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs:
    if key_arn is None:
        return aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="AES256"
        )
    return aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="aws:kms", kms_master_key_id=key_arn
    )


def _life_cycle(args: BucketArgs) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
    whole = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    rules = [
        aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="replaced",
            status="Enabled",
            filter=whole,
            noncurrent_version_expiration=(
                aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                    noncurrent_days=args.noncurrent_days
                )
            ),
            abort_incomplete_multipart_upload=(
                aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=7
                )
            ),
        )
    ]
    if args.expire_days is not None:
        rules.append(
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="old",
                status="Enabled",
                filter=whole,
                expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_days),
            )
        )
    if args.infrequent_after_days is not None:
        rules.append(
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="infrequent",
                status="Enabled",
                filter=whole,
                transitions=[
                    aws.s3.BucketLifecycleConfigurationRuleTransitionArgs(
                        days=args.infrequent_after_days, storage_class="STANDARD_IA"
                    )
                ],
            )
        )
    return rules
