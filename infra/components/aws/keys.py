"""KMS keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.manifests.iam.document import text
from infra.manifests.iam.keys import key_policy
from infra.names import Key

_DESCRIPTIONS: Final[dict[Key, str]] = {
    "eks": "Secrets that the Kubernetes API stores",
    "volumes": "Volumes and snapshots",
    "storage": "Objects: backups, artifacts, tables",
    "secrets": "Secrets Manager",
    "logs": "Log groups",
    "images": "Container images",
    "audit": "The audit trail",
    "state": "State of the stacks and the secrets in it",
}


@dataclass(frozen=True, kw_only=True)
class KeysArgs:
    """Args:
    purposes: what there is a key for.
    deletion_days: in which a deleted key can be saved.
    """

    site: AwsSite
    purposes: Sequence[Key]
    deletion_days: int


class Keys(AwsComponent):
    """Keys of our own that rotate every year, each with an alias."""

    TYPE: ClassVar[str] = "carbon:aws:Keys"

    def __init__(self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names = args.site.names
        self._arns: dict[Key, pulumi.Output[str]] = {}
        for purpose in args.purposes:
            key = aws.kms.Key(
                self.child(purpose),
                description=f"{names.prefix}: {_DESCRIPTIONS[purpose]}",
                enable_key_rotation=True,
                deletion_window_in_days=args.deletion_days,
                policy=text(key_policy(purpose, names)),
                opts=self.below(protect=args.site.protect),
            )
            aws.kms.Alias(
                self.child(purpose),
                name=names.key_alias(purpose),
                target_key_id=key.key_id,
                opts=self.below(),
            )
            self._arns[purpose] = key.arn
        self.register_outputs({**self._arns})

    def arn(self, purpose: Key) -> pulumi.Output[str]:
        """ARN of a key.

        Raises:
            KeyError: the stack has no such key.
        """
        return self._arns[purpose]
