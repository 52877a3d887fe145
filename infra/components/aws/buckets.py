"""The platform's buckets, and their copies in another region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.bucket import Bucket, BucketArgs, Lock
from infra.components.aws.keys import Keys
from infra.components.aws.role import Role, RoleArgs
from infra.manifests.iam.buckets import replication
from infra.manifests.iam.document import text, trust_of_host
from infra.names import Bucket as Purpose
from infra.names import Key, Names, bucket_key
from infra.settings.aws import BucketsSettings, ObjectRetention, Replica


@dataclass(frozen=True, kw_only=True)
class BucketsArgs:
    """Args:
    keys: of the objects and of the audit trail.
    """

    site: AwsSite
    settings: BucketsSettings
    keys: Keys


class Buckets(AwsComponent):
    """The buckets that the settings name: `made`, by purpose."""

    TYPE: ClassVar[str] = "carbon:aws:Buckets"

    def __init__(self, name: str, args: BucketsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.made: dict[Purpose, Bucket] = {}
        kept: dict[Purpose, ObjectRetention | None] = {
            "recovery": args.settings.recovery,
            "mlflow": args.settings.mlflow,
            "warehouse": args.settings.warehouse,
        }
        for purpose, retention in kept.items():
            if retention is not None:
                self.made[purpose] = Bucket(
                    self.child(purpose),
                    BucketArgs(
                        site=args.site,
                        purpose=purpose,
                        key_arn=args.keys.arn(bucket_key(purpose)),
                        noncurrent_days=retention.noncurrent_days,
                        infrequent_after_days=retention.infrequent_after_days,
                    ),
                    self.below(),
                )
        if (audit := args.settings.audit) is not None:
            self.made["audit"] = Bucket(
                self.child("audit"),
                BucketArgs(
                    site=args.site,
                    purpose="audit",
                    key_arn=args.keys.arn("audit"),
                    # What is locked outlives any rule, so this is what is kept after its lock.
                    noncurrent_days=30,
                    expire_days=audit.days + 1,
                    lock=Lock(days=audit.days, mode=audit.mode),
                ),
                self.below(),
            )
        if args.settings.replicate_to is not None:
            self._replicate(args, args.settings.replicate_to)
        self.register_outputs({purpose: bucket.bucket for purpose, bucket in self.made.items()})

    def _replicate(self, args: BucketsArgs, replica: Replica) -> None:
        names = args.site.names
        to = Names(replica.environment, names.account_id, replica.region)
        sources = list(self.made)
        used: list[Key] = sorted({bucket_key(source) for source in sources})
        keys = [args.keys.arn(key) for key in used]
        policy = pulumi.Output.all(*keys).apply(lambda arns: text(replication(sources, names, arns, to)))
        role = Role(
            self.child("replication"),
            RoleArgs(
                site=args.site,
                purpose="replication",
                description="Copies of objects in another region",
                trust=trust_of_host("s3.amazonaws.com"),
                policies={"copy": policy},
            ),
            self.below(),
        )
        for purpose, bucket in self.made.items():
            aws.s3.BucketReplicationConfig(
                self.child(purpose),
                bucket=bucket.bucket,
                role=role.arn,
                rules=[_rule(purpose, to)],
                opts=self.below(after=[*bucket.ready, *role.ready]),
            )


def _rule(purpose: Purpose, to: Names) -> aws.s3.BucketReplicationConfigRuleArgs:
    return aws.s3.BucketReplicationConfigRuleArgs(
        id="all",
        status="Enabled",
        filter=aws.s3.BucketReplicationConfigRuleFilterArgs(prefix=""),
        delete_marker_replication=aws.s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs(
            status="Enabled"
        ),
        source_selection_criteria=aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs(
            sse_kms_encrypted_objects=(
                aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs(
                    status="Enabled"
                )
            )
        ),
        destination=aws.s3.BucketReplicationConfigRuleDestinationArgs(
            bucket=to.bucket_arn(purpose),
            encryption_configuration=aws.s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs(
                replica_kms_key_id=to.key_alias_arn(bucket_key(purpose))
            ),
        ),
    )
