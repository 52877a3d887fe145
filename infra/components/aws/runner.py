"""The way in to a private cluster: where GitHub's jobs run that deploy to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.log_group import log_group
from infra.components.aws.role import Role, RoleArgs
from infra.manifests.iam import services
from infra.manifests.iam.document import text, trust_of_service
from infra.settings.aws_cluster import RunnerSettings

IMAGE: Final = "aws/codebuild/standard:7.0"
"""Of AWS, with Ubuntu 22.04; a job brings its own tools (`.github/actions/project`)."""

WORKFLOWS: Final = ("deploy", "drift")
"""Names of the workflows whose jobs it runs: those of the main branch, none that a pull request starts. A
name keeps no stranger out, since a fork may call its own workflow so; whose workflows run at all is the
repository's own setting (`docs/deploy-aws.md`, 2b)."""

_JOB_MINUTES: Final = 150
_WAIT_MINUTES: Final = 60


@dataclass(frozen=True, kw_only=True)
class RunnerArgs:
    """Args:
    subnet_ids: whence jobs reach the cluster and, by NAT, GitHub and AWS.
    """

    site: AwsSite
    settings: RunnerSettings
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    log_key_arn: pulumi.Input[str]


class Runner(AwsComponent):
    """Runs jobs of GitHub's workflows within the network, one machine a job.

    A job takes on the stack's role by its token, as on GitHub's own runners. It can also read what the
    project runs by, which is to log, to place interfaces in its own subnets and to use the connection to
    GitHub. `security_group_id` is whence the cluster's API is asked.
    """

    TYPE: ClassVar[str] = "carbon:aws:Runner"

    def __init__(self, name: str, args: RunnerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names, settings = args.site.names, args.settings
        group = aws.ec2.SecurityGroup(
            name,
            description="Jobs that deploy: HTTPS to the cluster, to GitHub and to AWS",
            vpc_id=args.vpc_id,
            tags={"Name": names.runner},
            opts=self.below(),
        )
        out = aws.vpc.SecurityGroupEgressRule(
            self.child("https"),
            security_group_id=group.id,
            description="HTTPS",
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self.below(),
        )
        self.security_group_id = group.id
        logs = log_group(
            self.child("logs"),
            names.log_group("runner"),
            args.site.logs.functions,
            args.log_key_arn,
            self.below(),
        )
        role = Role(
            self.child("role"),
            RoleArgs(
                site=args.site,
                purpose="runner",
                description="Runs jobs that deploy",
                trust=trust_of_service("codebuild.amazonaws.com", names.account_id),
                policies={"run": text(services.runner(names, settings.connection_arn))},
            ),
            self.below(),
        )
        project = aws.codebuild.Project(
            name,
            name=names.runner,
            description="GitHub's jobs that deploy to the cluster",
            service_role=role.arn,
            build_timeout=_JOB_MINUTES,
            queued_timeout=_WAIT_MINUTES,
            artifacts=aws.codebuild.ProjectArtifactsArgs(type="NO_ARTIFACTS"),
            environment=aws.codebuild.ProjectEnvironmentArgs(
                type="LINUX_CONTAINER", compute_type=settings.size, image=IMAGE
            ),
            source=aws.codebuild.ProjectSourceArgs(
                type="GITHUB",
                location=f"https://github.com/{settings.repository}.git",
                git_clone_depth=1,
                auth=aws.codebuild.ProjectSourceAuthArgs(
                    type="CODECONNECTIONS", resource=settings.connection_arn
                ),
            ),
            logs_config=aws.codebuild.ProjectLogsConfigArgs(
                cloudwatch_logs=aws.codebuild.ProjectLogsConfigCloudwatchLogsArgs(
                    status="ENABLED", group_name=logs.name
                )
            ),
            vpc_config=aws.codebuild.ProjectVpcConfigArgs(
                vpc_id=args.vpc_id, subnets=list(args.subnet_ids), security_group_ids=[group.id]
            ),
            opts=self.below(after=[*role.ready, logs, out]),
        )
        filters = {"EVENT": "WORKFLOW_JOB_QUEUED", "WORKFLOW_NAME": f"^({'|'.join(WORKFLOWS)})$"}
        aws.codebuild.Webhook(
            name,
            project_name=project.name,
            build_type="BUILD",
            filter_groups=[
                aws.codebuild.WebhookFilterGroupArgs(
                    filters=[
                        aws.codebuild.WebhookFilterGroupFilterArgs(type=kind, pattern=pattern)
                        for kind, pattern in filters.items()
                    ]
                )
            ],
            opts=self.below(),
        )
        self.register_outputs({"security_group_id": self.security_group_id})
