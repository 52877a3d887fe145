"""The audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.bucket import Bucket
from infra.components.aws.log_group import log_group
from infra.components.aws.role import Role, RoleArgs
from infra.manifests.iam import services
from infra.manifests.iam.document import text, trust_of_service
from infra.names import Bucket as Purpose
from infra.names import Names
from infra.settings.aws import AuditSettings

TRAIL = "audit"

RECORDED: Final[tuple[Purpose, ...]] = ("recovery", "mlflow", "warehouse")
"""Buckets whose objects' reads and writes may be recorded: what holds the platform's data."""


@dataclass(frozen=True, kw_only=True)
class AuditArgs:
    """Args:
    bucket: that the trail is kept in.
    key_arn: of the trail.
    """

    site: AwsSite
    settings: AuditSettings
    bucket: Bucket
    key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]


class Audit(AwsComponent):
    """CloudTrail of the account, signed and encrypted, in a bucket that nobody can change and a log group."""

    TYPE: ClassVar[str] = "carbon:aws:Audit"

    def __init__(self, name: str, args: AuditArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names = args.site.names
        group = log_group(
            self.child("logs"),
            names.log_group(TRAIL),
            args.site.logs.trail,
            args.log_key_arn,
            self.below(protect=args.site.protect, retain=True),
        )
        role = Role(
            self.child("role"),
            RoleArgs(
                site=args.site,
                purpose="trail",
                description="The audit trail's log group",
                trust=trust_of_service("cloudtrail.amazonaws.com", names.account_id),
                policies={"deliver": text(services.log_delivery(names, TRAIL))},
            ),
            self.below(),
        )
        aws.cloudtrail.Trail(
            name,
            name=names.trail,
            s3_bucket_name=args.bucket.bucket,
            kms_key_id=args.key_arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            cloud_watch_logs_group_arn=group.arn.apply(lambda arn: f"{arn}:*"),
            cloud_watch_logs_role_arn=role.arn,
            advanced_event_selectors=_selectors(names, args.settings.objects_of),
            opts=self.below(after=[*args.bucket.ready, *role.ready], protect=args.site.protect),
        )
        self.register_outputs({})


def _selectors(
    names: Names, environments: Sequence[str]
) -> list[aws.cloudtrail.TrailAdvancedEventSelectorArgs]:
    selector = aws.cloudtrail.TrailAdvancedEventSelectorFieldSelectorArgs
    selectors = [
        aws.cloudtrail.TrailAdvancedEventSelectorArgs(
            name="Management", field_selectors=[selector(field="eventCategory", equals=["Management"])]
        )
    ]
    if environments:
        # The start of their names: an environment may be in another region than the trail.
        starts = [
            f"arn:aws:s3:::{Names(one, names.account_id, names.region).prefix}-{purpose}-{names.account_id}-"
            for one in environments
            for purpose in RECORDED
        ]
        selectors.append(
            aws.cloudtrail.TrailAdvancedEventSelectorArgs(
                name="Objects",
                field_selectors=[
                    selector(field="eventCategory", equals=["Data"]),
                    selector(field="resources.type", equals=["AWS::S3::Object"]),
                    selector(
                        field="resources.ARN",
                        starts_withs=starts,
                    ),
                ],
            )
        )
    return selectors
