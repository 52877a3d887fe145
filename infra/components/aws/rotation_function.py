"""The function that gives secrets their values, at AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws import rotation
from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.log_group import log_group
from infra.components.aws.role import Role, RoleArgs
from infra.manifests.iam import services
from infra.manifests.iam.document import text, trust_of_host

_CODE: Final = Path(rotation.__path__[0]) / "function.py"


@dataclass(frozen=True, kw_only=True)
class RotationFunctionArgs:
    """Args:
    secrets_key_arn: key of the secrets.
    """

    site: AwsSite
    secrets_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]


class RotationFunction(AwsComponent):
    """The function, and Secrets Manager's right to call it."""

    TYPE: ClassVar[str] = "carbon:aws:RotationFunction"

    def __init__(
        self, name: str, args: RotationFunctionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        names = args.site.names
        group = log_group(
            self.child("logs"),
            names.log_group("rotation"),
            args.site.logs.functions,
            args.log_key_arn,
            self.below(),
        )
        policy = pulumi.Output.from_input(args.secrets_key_arn).apply(
            lambda arn: text(services.rotation(names, arn, names.log_group("rotation")))
        )
        role = Role(
            self.child("role"),
            RoleArgs(
                site=args.site,
                purpose="rotation",
                description="Gives secrets their values",
                trust=trust_of_host("lambda.amazonaws.com"),
                policies={"rotate": policy},
            ),
            self.below(),
        )
        self._function = aws.lambda_.Function(
            name,
            name=f"{names.prefix}-rotation",
            description="Gives secrets their values",
            runtime="python3.13",
            architectures=["arm64"],
            handler="function.handle",
            # By its text: a path would be another one on each machine.
            code=pulumi.AssetArchive({"function.py": pulumi.StringAsset(_CODE.read_text(encoding="utf-8"))}),
            role=role.arn,
            timeout=60,
            memory_size=256,
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=group.name),
            opts=self.below(after=[*role.ready, group]),
        )
        self.arn = self._function.arn
        called = aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=self._function.name,
            principal="secretsmanager.amazonaws.com",
            source_account=names.account_id,
            opts=self.below(),
        )
        self.ready: list[pulumi.Resource] = [self._function, called, *role.ready]
        self.register_outputs({"arn": self.arn})

    def seed(
        self,
        name: str,
        secret_arn: pulumi.Input[str],
        fields: Mapping[str, str],
        opts: pulumi.ResourceOptions,
        *,
        rotates: bool,
    ) -> pulumi.Resource:
        """Give a new secret its first value: what Pulumi sees of it is that it has one."""
        return aws.lambda_.Invocation(
            name,
            function_name=self._function.name,
            input=pulumi.Output.from_input(secret_arn).apply(
                lambda arn: json.dumps(
                    {"Step": "seed", "SecretId": arn, "Fields": dict(fields), "Rotates": rotates}
                )
            ),
            lifecycle_scope="CREATE_ONLY",
            opts=opts,
        )
