"""Log groups: each is made before whoever writes to it, which would make one without end or key."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws


def log_group(
    name: str, group: str, days: int, key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> aws.cloudwatch.LogGroup:
    """A log group that is encrypted and ends.

    Args:
        group: its name at AWS.
        days: that it keeps.
    """
    return aws.cloudwatch.LogGroup(name, name=group, retention_in_days=days, kms_key_id=key_arn, opts=opts)
