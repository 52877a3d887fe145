"""What Karpenter has at AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.pod_role import PodRole, PodRoleArgs
from infra.components.aws.role import Role, RoleArgs
from infra.components.aws.system_nodes import NODE_POLICIES
from infra.manifests.iam import karpenter
from infra.manifests.iam.document import text, trust_of_host
from infra.manifests.iam.services import interruption_queue
from infra.namespaces import KARPENTER_ACCOUNT

_EVENTS: Final = {
    "health": ("aws.health", "AWS Health Event"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
}
"""What announces that a node goes away: (source, detail type)."""


@dataclass(frozen=True, kw_only=True)
class KarpenterAtAwsArgs:
    """Args:
    cluster_name: of the cluster whose nodes it starts.
    volume_key_arn: of the nodes' volumes.
    """

    site: AwsSite
    cluster_name: pulumi.Input[str]
    volume_key_arn: pulumi.Input[str]


class KarpenterAtAws(AwsComponent):
    """Roles of the controller and of its nodes, and the queue that says when a node goes away."""

    TYPE: ClassVar[str] = "carbon:aws:Karpenter"

    def __init__(
        self, name: str, args: KarpenterAtAwsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        site, names = args.site, args.site.names
        queue = self._queue(site)
        nodes = Role(
            self.child("node"),
            RoleArgs(
                site=site,
                purpose="karpenter-node",
                description="Nodes that Karpenter starts",
                trust=trust_of_host("ec2.amazonaws.com"),
                managed=NODE_POLICIES,
            ),
            self.below(),
        )
        profile = aws.iam.InstanceProfile(
            self.child("node"), name=names.node_profile, role=nodes.role_name, opts=self.below()
        )
        entry = aws.eks.AccessEntry(
            self.child("node"),
            cluster_name=args.cluster_name,
            principal_arn=nodes.arn,
            type="EC2_LINUX",
            opts=self.below(),
        )
        controller = PodRole(
            self.child("controller"),
            PodRoleArgs(
                site=site,
                cluster_name=args.cluster_name,
                purpose="karpenter",
                description="Karpenter",
                account=KARPENTER_ACCOUNT,
                policies={
                    "controller": pulumi.Output.all(queue.arn, args.volume_key_arn).apply(
                        lambda arns: text(karpenter.controller(names, *arns))
                    )
                },
            ),
            self.below(),
        )
        self.ready: list[pulumi.Resource] = [*nodes.ready, profile, entry, *controller.ready]
        self.register_outputs({"queue": queue.name})

    def _queue(self, site: AwsSite) -> aws.sqs.Queue:
        queue = aws.sqs.Queue(
            self.child("interruptions"),
            name=site.names.interruption_queue,
            message_retention_seconds=300,
            sqs_managed_sse_enabled=True,
            opts=self.below(),
        )
        aws.sqs.QueuePolicy(
            self.child("interruptions"),
            queue_url=queue.url,
            policy=queue.arn.apply(lambda arn: text(interruption_queue(site.names, arn))),
            opts=self.below(),
        )
        for what, (source, kind) in _EVENTS.items():
            rule = aws.cloudwatch.EventRule(
                self.child(what),
                name=f"{site.names.prefix}-{what}",
                description=f"For Karpenter: {kind}",
                event_pattern=json.dumps({"source": [source], "detail-type": [kind]}),
                opts=self.below(),
            )
            aws.cloudwatch.EventTarget(
                self.child(what), rule=rule.name, arn=queue.arn, target_id="karpenter", opts=self.below()
            )
        return queue
