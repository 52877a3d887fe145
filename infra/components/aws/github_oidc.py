"""How GitHub's workflows come to AWS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.role import Role, RoleArgs
from infra.manifests.iam import github
from infra.manifests.iam.boundary import boundary
from infra.manifests.iam.deployer import deployer
from infra.manifests.iam.document import text
from infra.names import PREVIEW, Names, deploy
from infra.settings.aws import GitHub as Settings


@dataclass(frozen=True, kw_only=True)
class GitHubOidcArgs:
    """Args:
    state_key_arn: key of the stacks' state.
    """

    site: AwsSite
    settings: Settings
    state_key_arn: pulumi.Input[str]


class GitHubOidc(AwsComponent):
    """Roles that workflows take on by the token that GitHub gives them: no key is kept anywhere.

    A pull request, and a run on `main`, may preview; a run that an environment's reviewers let through may
    deploy to the stack of its name.
    """

    TYPE: ClassVar[str] = "carbon:aws:GitHubOidc"

    def __init__(self, name: str, args: GitHubOidcArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        aws.iam.OpenIdConnectProvider(
            name,
            url=f"https://{github.ISSUER}",
            client_id_lists=[github.AUDIENCE],
            opts=self.below(),
        )
        # These roles are above the environments' boundaries: they are what makes the roles below them.
        site, settings = replace(args.site, boundary=False), args.settings
        names, key_arn = site.names, pulumi.Output.from_input(args.state_key_arn)
        preview = Role(
            self.child(PREVIEW),
            RoleArgs(
                site=site,
                purpose=PREVIEW,
                description="Previews by GitHub's workflows",
                trust=github.trust(
                    names.account_id, settings.repository, ["pull_request", "ref:refs/heads/main"]
                ),
                policies={"read": key_arn.apply(lambda arn: text(github.previewer(names, arn)))},
                managed=["SecurityAudit"],
            ),
            self.below(),
        )
        self.role_arns = {PREVIEW: preview.arn}
        for environment in settings.environments:
            self.role_arns[environment] = self._environment(environment, site, settings, key_arn)
        self.register_outputs({"role_arns": self.role_arns})

    def _environment(
        self, environment: str, site: AwsSite, settings: Settings, key_arn: pulumi.Output[str]
    ) -> pulumi.Output[str]:
        names = site.names
        theirs = [Names(environment, names.account_id, region) for region in settings.regions]
        domain, project = settings.domains.get(environment), pulumi.get_project()
        aws.iam.Policy(
            self.child(f"boundary-{environment}"),
            name=theirs[0].boundary,
            description=f"The most that a role of {environment} may do",
            policy=text(boundary(theirs[0], domain=domain, copies_to=settings.copies.get(environment))),
            opts=self.below(protect=site.protect),
        )
        policies: dict[str, pulumi.Input[str]] = {
            purpose: text(made) for purpose, made in deployer(theirs, domain=domain).items()
        }
        policies["state"] = key_arn.apply(
            lambda arn: text(github.state_writer(names, arn, project=project, stack=environment))
        )
        role = Role(
            self.child(deploy(environment)),
            RoleArgs(
                site=site,
                purpose=deploy(environment),
                description=f"Deployments to {environment} by GitHub's workflows",
                trust=github.trust(names.account_id, settings.repository, [f"environment:{environment}"]),
                policies=policies,
                managed=["SecurityAudit"],
                # A first deployment makes a cluster and waits for what runs on it.
                session_seconds=4 * 3600,
            ),
            self.below(),
        )
        return role.arn
