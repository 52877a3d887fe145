"""An IAM role and its policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.manifests.iam.document import Document, text


@dataclass(frozen=True, kw_only=True)
class RoleArgs:
    """Args:
    purpose: its name after the stack's prefix.
    trust: who may take it on.
    policies: documents by what they are for, as JSON.
    managed: names of policies that AWS keeps, with their path.
    """

    site: AwsSite
    purpose: str
    description: str
    trust: Document
    policies: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    managed: Sequence[str] = ()
    session_seconds: int = 3600


class Role(AwsComponent):
    """A role; `ready` is what must be there before whoever uses its rights."""

    TYPE: ClassVar[str] = "carbon:aws:Role"

    def __init__(self, name: str, args: RoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names = args.site.names
        role = aws.iam.Role(
            name,
            name=names.role(args.purpose),
            description=args.description,
            assume_role_policy=text(args.trust),
            permissions_boundary=names.boundary_arn if args.site.boundary else None,
            max_session_duration=args.session_seconds,
            opts=self.below(),
        )
        self.ready: list[pulumi.Resource] = [role]
        for purpose, policy in args.policies.items():
            made = aws.iam.Policy(
                self.child(purpose),
                name=f"{names.role(args.purpose)}-{purpose}",
                description=f"{args.description}: {purpose}",
                policy=policy,
                opts=self.below(),
            )
            self._attach(role, purpose, made.arn)
        for managed in args.managed:
            self._attach(role, managed.rsplit("/", 1)[-1], f"arn:aws:iam::aws:policy/{managed}")
        self.arn = role.arn
        self.role_name = role.name
        self.register_outputs({"arn": self.arn})

    def _attach(self, role: aws.iam.Role, suffix: str, policy_arn: pulumi.Input[str]) -> None:
        self.ready.append(
            aws.iam.RolePolicyAttachment(
                self.child(f"has-{suffix}"), role=role.name, policy_arn=policy_arn, opts=self.below()
            )
        )
