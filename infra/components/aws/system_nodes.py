"""The nodes that run the operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.role import Role, RoleArgs
from infra.manifests.iam.document import trust_of_host
from infra.settings.aws_cluster import SystemNodesSettings
from infra.tags import tags

NODE_POLICIES: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""What a node may do itself: join, and pull. Its pods have roles of their own."""

DATA_DEVICE: Final = "/dev/xvdb"
"""Bottlerocket's volume of images, logs and ephemeral files; the other one is the system, read-only."""

SYSTEM_DEVICE: Final = "/dev/xvda"


@dataclass(frozen=True, kw_only=True)
class SystemNodesArgs:
    """Args:
    version: of Kubernetes.
    volume_key_arn: key of the nodes' volumes.
    """

    site: AwsSite
    settings: SystemNodesSettings
    version: str
    cluster_name: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    volume_key_arn: pulumi.Input[str]


class SystemNodes(AwsComponent):
    """A managed node group of Bottlerocket nodes, whose pods cannot reach the instance's credentials."""

    TYPE: ClassVar[str] = "carbon:aws:SystemNodes"

    def __init__(self, name: str, args: SystemNodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names, settings = args.site.names, args.settings
        role = Role(
            self.child("role"),
            RoleArgs(
                site=args.site,
                purpose="system-node",
                description="System nodes",
                trust=trust_of_host("ec2.amazonaws.com"),
                managed=NODE_POLICIES,
            ),
            self.below(),
        )
        made = {**tags(args.site.labels), "Name": f"{names.prefix}-system"}
        template = aws.ec2.LaunchTemplate(
            name,
            name=f"{names.prefix}-system",
            update_default_version=True,
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            monitoring=aws.ec2.LaunchTemplateMonitoringArgs(enabled=True),
            block_device_mappings=[
                _volume(SYSTEM_DEVICE, 4, args.volume_key_arn),
                _volume(DATA_DEVICE, settings.disk_gib, args.volume_key_arn),
            ],
            # The provider's tags do not reach what the template makes.
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=made)
                for kind in ("instance", "volume", "network-interface")
            ],
            opts=self.below(),
        )
        group = aws.eks.NodeGroup(
            name,
            cluster_name=args.cluster_name,
            # A name of its own each time: one that is replaced goes when the new one has taken over.
            node_group_name_prefix=names.system_nodes,
            node_role_arn=role.arn,
            subnet_ids=list(args.subnet_ids),
            version=args.version,
            ami_type=f"BOTTLEROCKET_{'ARM_64' if settings.architecture == 'arm64' else 'x86_64'}",
            instance_types=list(settings.instance_types),
            capacity_type="ON_DEMAND",
            labels={"carbon/nodes": "system"},
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=settings.least, desired_size=settings.least, max_size=settings.most
            ),
            update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            opts=self.below(after=role.ready, left_alone=["scalingConfig.desiredSize"]),
        )
        self.ready: list[pulumi.Resource] = [group]
        self.register_outputs({})


def _volume(
    device: str, gib: int, key_arn: pulumi.Input[str]
) -> aws.ec2.LaunchTemplateBlockDeviceMappingArgs:
    return aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
        device_name=device,
        ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            encrypted="true",
            kms_key_id=key_arn,
            volume_type="gp3",
            volume_size=gib,
            delete_on_termination="true",
        ),
    )
