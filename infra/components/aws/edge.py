"""The way in from the internet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.bucket import Bucket, BucketArgs
from infra.components.aws.domain import Domain, DomainArgs
from infra.components.aws.firewall import Firewall, FirewallArgs
from infra.settings.aws import EdgeSettings
from workloads.kit.contracts import public

TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3, and 1.2 with forward secrecy."""


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    """Args:
    subnet_ids: public ones.
    pods_group_id: security group that the pods behind the names are in.
    """

    site: AwsSite
    settings: EdgeSettings
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    pods_group_id: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]


class Edge(AwsComponent):
    """A public load balancer behind a firewall, with a name and a target group for each service.

    Pods join a target group by a TargetGroupBinding in the cluster. `address` is the balancer's name.
    """

    TYPE: ClassVar[str] = "carbon:aws:Edge"

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        site, settings = args.site, args.settings
        self._args = args
        domain = Domain(self.child("domain"), DomainArgs(site=site, domain=settings.domain), self.below())
        logs = Bucket(
            self.child("logs"),
            BucketArgs(
                site=site,
                purpose="access-logs",
                # A load balancer can write with no key but S3's own.
                key_arn=None,
                noncurrent_days=30,
                expire_days=site.logs.requests,
            ),
            self.below(),
        )
        group = self._group()
        balancer = aws.lb.LoadBalancer(
            name,
            name=site.names.load_balancer,
            load_balancer_type="application",
            internal=False,
            subnets=list(args.subnet_ids),
            security_groups=[group.id],
            drop_invalid_header_fields=True,
            desync_mitigation_mode="strictest",
            enable_deletion_protection=site.protect,
            enable_waf_fail_open=False,
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(bucket=logs.bucket, enabled=True),
            opts=self.below(after=logs.ready),
        )
        Firewall(
            self.child("firewall"),
            FirewallArgs(
                site=site,
                settings=settings,
                load_balancer_arn=balancer.arn,
                log_key_arn=args.log_key_arn,
            ),
            self.below(),
        )
        listener = self._listeners(balancer, domain)
        for public_name in settings.services:
            self._service(public_name, balancer, listener, domain)
        self.address = balancer.dns_name
        self.name_servers = domain.name_servers
        self.zone_arn = domain.zone_arn
        self.register_outputs({"address": self.address, "name_servers": self.name_servers})

    def _group(self) -> aws.ec2.SecurityGroup:
        """Who may come in, and that only the pods' ports are gone to."""
        settings = self._args.settings
        group = aws.ec2.SecurityGroup(
            self._name,
            description="Public load balancer: allow-listed networks in, pods out",
            vpc_id=self._args.vpc_id,
            tags={"Name": self._args.site.names.load_balancer},
            opts=self.below(),
        )
        for cidr in settings.allowed_cidrs:
            for port in (80, 443):
                aws.vpc.SecurityGroupIngressRule(
                    self.child(f"{_slug(cidr)}-{port}"),
                    security_group_id=group.id,
                    description="Allow-listed network",
                    cidr_ipv4=str(cidr),
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    opts=self.below(),
                )
        for port in sorted({public.WORKLOADS[workload].port for workload in settings.services.values()}):
            aws.vpc.SecurityGroupEgressRule(
                self.child(f"to-pods-{port}"),
                security_group_id=group.id,
                description="To pods",
                referenced_security_group_id=self._args.pods_group_id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self.below(),
            )
            aws.vpc.SecurityGroupIngressRule(
                self.child(f"at-pods-{port}"),
                security_group_id=self._args.pods_group_id,
                description="From the public load balancer",
                referenced_security_group_id=group.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self.below(),
            )
        return group

    def _listeners(self, balancer: aws.lb.LoadBalancer, domain: Domain) -> aws.lb.Listener:
        aws.lb.Listener(
            self.child("http"),
            load_balancer_arn=balancer.arn,
            port=80,
            protocol="HTTP",
            default_actions=[
                aws.lb.ListenerDefaultActionArgs(
                    type="redirect",
                    redirect=aws.lb.ListenerDefaultActionRedirectArgs(
                        protocol="HTTPS", port="443", status_code="HTTP_301"
                    ),
                )
            ],
            opts=self.below(),
        )
        return aws.lb.Listener(
            self.child("https"),
            load_balancer_arn=balancer.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificate_arn=domain.certificate_arn,
            default_actions=[
                aws.lb.ListenerDefaultActionArgs(
                    type="fixed-response",
                    fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
                        content_type="text/plain",
                        message_body="There is nothing of this name.",
                        status_code="404",
                    ),
                )
            ],
            opts=self.below(),
        )

    def _service(
        self,
        public_name: str,
        balancer: aws.lb.LoadBalancer,
        listener: aws.lb.Listener,
        domain: Domain,
    ) -> None:
        service = public.WORKLOADS[self._args.settings.services[public_name]]
        host = f"{public_name}.{self._args.settings.domain}"
        targets = aws.lb.TargetGroup(
            self.child(public_name),
            name=self._args.site.names.target_group(public_name),
            vpc_id=self._args.vpc_id,
            target_type="ip",
            protocol="HTTP",
            # Each pod comes with its own port. Another default would replace the group, whose name is taken.
            port=80,
            deregistration_delay=30,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                path=service.health_path, matcher="200", interval=10, timeout=5
            ),
            opts=self.below(),
        )
        aws.lb.ListenerRule(
            self.child(public_name),
            listener_arn=listener.arn,
            conditions=[
                aws.lb.ListenerRuleConditionArgs(
                    host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=[host])
                )
            ],
            actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=targets.arn)],
            opts=self.below(),
        )
        aws.route53.Record(
            self.child(public_name),
            zone_id=domain.zone_id,
            name=host,
            type="A",
            aliases=[
                aws.route53.RecordAliasArgs(
                    name=balancer.dns_name, zone_id=balancer.zone_id, evaluate_target_health=True
                )
            ],
            opts=self.below(),
        )


def _slug(cidr: IPv4Network) -> str:
    return str(cidr).replace("/", "-")
