"""What holds for the whole account in the region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite


@dataclass(frozen=True, kw_only=True)
class AccountDefaultsArgs:
    """Args:
    site: where.
    """

    site: AwsSite


class AccountDefaults(AwsComponent):
    """New volumes are encrypted, whoever makes them. It stays so when the stack goes: others rely on it."""

    TYPE: ClassVar[str] = "carbon:aws:Account"

    def __init__(
        self, name: str, args: AccountDefaultsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        aws.ebs.EncryptionByDefault(name, enabled=True, opts=self.below(retain=True))
        self.register_outputs({"account_id": args.site.names.account_id})
