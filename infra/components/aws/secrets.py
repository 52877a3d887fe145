"""Secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.rotation_function import RotationFunction, RotationFunctionArgs
from infra.names import (
    GRAFANA_ADMIN,
    PAGERDUTY,
    REDIS,
    SLACK,
    USERNAME,
    VELERO_REPOSITORY,
    database_secret,
    egress_secret,
    own_secret,
    source_secret,
)
from infra.settings.aws import SecretsManager


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """Args:
    roles: database roles, whose passwords rotate.
    clients: of the egress proxy, whose passwords do, too.
    own: what is made up for workloads.
    """

    site: AwsSite
    settings: SecretsManager
    roles: Sequence[str]
    clients: Sequence[str]
    own: Sequence[str]
    secrets_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]


class Secrets(AwsComponent):
    """Every secret of the stack, without its value.

    Those that the platform alone uses get a value here; those that people give wait for it, and External
    Secrets says so until it is there. `ready` is all that have one.
    """

    TYPE: ClassVar[str] = "carbon:aws:Secrets"

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._function = RotationFunction(
            self.child("rotation"),
            RotationFunctionArgs(
                site=args.site, secrets_key_arn=args.secrets_key_arn, log_key_arn=args.log_key_arn
            ),
            self.below(),
        )
        self.ready: list[pulumi.Resource] = []
        for role in args.roles:
            self._rotated(database_secret(role), f"Password of the database role {role}", {USERNAME: role})
        for client in args.clients:
            self._rotated(egress_secret(client), f"Password of {client} at the egress proxy", {})
        for name in args.own:
            # What is signed or encrypted with one is lost with it: they do not rotate by themselves.
            self._generated(own_secret(name), f"Made up for a workload: {name}", {})
        self._generated(REDIS, "Password of Redis", {})
        self._generated(GRAFANA_ADMIN, "Password of Grafana's administrator", {USERNAME: "admin"})
        copied = args.settings.recovery_region
        self._generated(VELERO_REPOSITORY, "Password of the backups' repository", {}, copied_to=copied)
        for source in args.settings.sources:
            self._secret(source_secret(source), f"Secret of the price source {source}", generated=False)
        alerts = {"pagerduty": (PAGERDUTY, "PagerDuty's routing key"), "slack": (SLACK, "Slack's webhook")}
        for receiver in args.settings.alerts:
            purpose, description = alerts[receiver]
            self._secret(purpose, description, generated=False)
        self.register_outputs({})

    def _secret(
        self, purpose: str, description: str, *, generated: bool, copied_to: str | None = None
    ) -> aws.secretsmanager.Secret:
        site = self._args.site
        # Under that region's own key: the stack's is gone with its region.
        copies = [aws.secretsmanager.SecretReplicaArgs(region=copied_to)] if copied_to is not None else None
        return aws.secretsmanager.Secret(
            self._child(purpose),
            name=site.names.secret(purpose),
            description=description,
            kms_key_id=self._args.secrets_key_arn,
            recovery_window_in_days=self._args.settings.recovery_days,
            replicas=copies,
            # The rotating function may write to what has this tag and to nothing else.
            tags={"generated": str(generated).lower()},
            opts=self.below(protect=site.protect),
        )

    def _generated(
        self,
        purpose: str,
        description: str,
        fields: Mapping[str, str],
        *,
        rotates: bool = False,
        copied_to: str | None = None,
    ) -> tuple[aws.secretsmanager.Secret, pulumi.Resource]:
        secret = self._secret(purpose, description, generated=True, copied_to=copied_to)
        seeded = self._function.seed(
            self._child(purpose),
            secret.arn,
            fields,
            self.below(after=self._function.ready),
            rotates=rotates,
        )
        self.ready.append(seeded)
        return secret, seeded

    def _rotated(self, purpose: str, description: str, fields: Mapping[str, str]) -> None:
        secret, seeded = self._generated(purpose, description, fields, rotates=True)
        aws.secretsmanager.SecretRotation(
            self._child(purpose),
            secret_id=secret.id,
            rotation_lambda_arn=self._function.arn,
            rotation_rules=aws.secretsmanager.SecretRotationRotationRulesArgs(
                automatically_after_days=self._args.settings.rotation_days
            ),
            # It has just got its first value.
            rotate_immediately=False,
            opts=self.below(after=[seeded]),
        )

    def _child(self, purpose: str) -> str:
        return self.child(purpose.replace("/", "-").replace("_", "-"))
