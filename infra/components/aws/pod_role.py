"""A role of pods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.role import Role, RoleArgs
from infra.manifests.iam.pods import trust
from infra.namespaces import Account


@dataclass(frozen=True, kw_only=True)
class PodRoleArgs:
    """Args:
    purpose: the role's name after the stack's prefix.
    account: service account whose pods have the role.
    policies: documents by what they are for, as JSON.
    managed: names of policies that AWS keeps.
    """

    site: AwsSite
    cluster_name: pulumi.Input[str]
    purpose: str
    description: str
    account: Account
    policies: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    managed: Sequence[str] = ()


class PodRole(AwsComponent):
    """A role, and the Pod Identity association that gives it to one service account.

    The account need not exist yet, and gets no annotation.
    """

    TYPE: ClassVar[str] = "carbon:aws:PodRole"

    def __init__(self, name: str, args: PodRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        role = Role(
            self.child("role"),
            RoleArgs(
                site=args.site,
                purpose=args.purpose,
                description=args.description,
                trust=trust(args.site.names, args.account),
                policies=args.policies,
                managed=args.managed,
            ),
            self.below(),
        )
        association = aws.eks.PodIdentityAssociation(
            name,
            cluster_name=args.cluster_name,
            namespace=args.account.namespace,
            service_account=args.account.name,
            role_arn=role.arn,
            opts=self.below(),
        )
        self.ready: list[pulumi.Resource] = [*role.ready, association]
        self.register_outputs({"role_arn": role.arn})
