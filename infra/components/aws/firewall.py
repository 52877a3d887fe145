"""The firewall before the public load balancer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.log_group import log_group
from infra.manifests.iam.document import text
from infra.manifests.iam.services import firewall_logs
from infra.settings.aws import EdgeSettings

MANAGED_RULES: Final = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesCommonRuleSet",
)
"""Rule groups that AWS keeps current, in the order in which they are asked."""


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """Args:
    load_balancer_arn: what it stands before.
    """

    site: AwsSite
    settings: EdgeSettings
    load_balancer_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]


class Firewall(AwsComponent):
    """A web ACL that refuses everyone but the allow-listed networks, and from those what is an attack."""

    TYPE: ClassVar[str] = "carbon:aws:Firewall"

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        site = args.site
        allowed = aws.wafv2.IpSet(
            self.child("allowed"),
            name=f"{site.names.prefix}-allowed",
            description="Networks that may come in",
            scope="REGIONAL",
            ip_address_version="IPV4",
            addresses=[str(cidr) for cidr in args.settings.allowed_cidrs],
            opts=self.below(),
        )
        acl = aws.wafv2.WebAcl(
            name,
            name=site.names.load_balancer,
            description="Only the allow-listed networks, and no attacks from them",
            scope="REGIONAL",
            default_action=aws.wafv2.WebAclDefaultActionArgs(block=aws.wafv2.WebAclDefaultActionBlockArgs()),
            rules=[
                _limit(args.settings.requests_per_5_minutes),
                *(_managed(rule, priority) for priority, rule in enumerate(MANAGED_RULES, start=1)),
                _allow(allowed.arn, len(MANAGED_RULES) + 1),
            ],
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, metric_name="firewall", sampled_requests_enabled=True
            ),
            opts=self.below(),
        )
        aws.wafv2.WebAclAssociation(
            name, resource_arn=args.load_balancer_arn, web_acl_arn=acl.arn, opts=self.below()
        )
        group = log_group(
            self.child("logs"), site.names.waf_log_group, site.logs.firewall, args.log_key_arn, self.below()
        )
        delivery = aws.cloudwatch.LogResourcePolicy(
            self.child("logs"),
            policy_name=site.names.waf_log_group,
            policy_document=text(firewall_logs(site.names)),
            opts=self.below(),
        )
        aws.wafv2.WebAclLoggingConfiguration(
            name,
            resource_arn=acl.arn,
            log_destination_configs=[group.arn],
            redacted_fields=[
                aws.wafv2.WebAclLoggingConfigurationRedactedFieldArgs(
                    single_header=aws.wafv2.WebAclLoggingConfigurationRedactedFieldSingleHeaderArgs(
                        name=header
                    )
                )
                for header in ("authorization", "cookie")
            ],
            opts=self.below(after=[delivery]),
        )
        self.register_outputs({"arn": acl.arn})


def _limit(requests: int) -> aws.wafv2.WebAclRuleArgs:
    return aws.wafv2.WebAclRuleArgs(
        name="rate",
        priority=0,
        action=aws.wafv2.WebAclRuleActionArgs(block=aws.wafv2.WebAclRuleActionBlockArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(
            rate_based_statement=aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(
                aggregate_key_type="IP", limit=requests, evaluation_window_sec=300
            )
        ),
        visibility_config=_visible("rate"),
    )


def _managed(group: str, priority: int) -> aws.wafv2.WebAclRuleArgs:
    return aws.wafv2.WebAclRuleArgs(
        name=group,
        priority=priority,
        override_action=aws.wafv2.WebAclRuleOverrideActionArgs(
            none=aws.wafv2.WebAclRuleOverrideActionNoneArgs()
        ),
        statement=aws.wafv2.WebAclRuleStatementArgs(
            managed_rule_group_statement=aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(
                name=group, vendor_name="AWS"
            )
        ),
        visibility_config=_visible(group),
    )


def _allow(addresses_arn: pulumi.Input[str], priority: int) -> aws.wafv2.WebAclRuleArgs:
    """The last one: what comes here has broken no rule."""
    return aws.wafv2.WebAclRuleArgs(
        name="allowed",
        priority=priority,
        action=aws.wafv2.WebAclRuleActionArgs(allow=aws.wafv2.WebAclRuleActionAllowArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(
            ip_set_reference_statement=aws.wafv2.WebAclRuleStatementIpSetReferenceStatementArgs(
                arn=addresses_arn
            )
        ),
        visibility_config=_visible("allowed"),
    )


def _visible(metric: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgs:
    return aws.wafv2.WebAclRuleVisibilityConfigArgs(
        cloudwatch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=True
    )
