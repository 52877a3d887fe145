"""State of the stacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.bucket import Bucket, BucketArgs
from infra.settings.aws import StateSettings


@dataclass(frozen=True, kw_only=True)
class StateArgs:
    """Args:
    key_arn: of the state, and of the secrets in it.
    """

    site: AwsSite
    settings: StateSettings
    key_arn: pulumi.Input[str]


class State(AwsComponent):
    """The bucket: `backend` is for `pulumi login`, `secrets_provider` for `pulumi stack init`."""

    TYPE: ClassVar[str] = "carbon:aws:State"

    def __init__(self, name: str, args: StateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names = args.site.names
        bucket = Bucket(
            self.child("bucket"),
            BucketArgs(
                site=args.site,
                purpose="state",
                key_arn=args.key_arn,
                noncurrent_days=args.settings.noncurrent_days,
            ),
            self.below(),
        )
        self.backend = bucket.bucket.apply(lambda made: f"s3://{made}?region={names.region}")
        self.secrets_provider = f"awskms://{names.key_alias('state')}?region={names.region}"
        self.register_outputs({"backend": self.backend, "secrets_provider": self.secrets_provider})
