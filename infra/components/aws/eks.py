"""The EKS cluster: its control plane, and who may use its API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, cast

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.log_group import log_group
from infra.components.aws.role import Role, RoleArgs
from infra.manifests import readers
from infra.manifests.iam.document import text, trust_of_service
from infra.manifests.iam.services import cluster_key
from infra.manifests.kubeconfig import kubeconfig
from infra.names import DISCOVERY_TAG
from infra.settings.aws_cluster import EksSettings

CONTROL_PLANE_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""All logs that a control plane has."""

_ADMIN: Final = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_VIEW: Final = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


@dataclass(frozen=True, kw_only=True)
class EksArgs:
    """Args:
    subnet_ids: where the control plane has its interfaces.
    runner_group_id: security group whence deployments ask the private API, where there is one.
    """

    site: AwsSite
    settings: EksSettings
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    secrets_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    runner_group_id: pulumi.Input[str] | None = None


class Eks(AwsComponent):
    """A control plane.

    `kubeconfig` reaches it, `ready` is what must be there before its first object, `security_group_id` is the
    group that its nodes and pods are in.
    """

    TYPE: ClassVar[str] = "carbon:aws:Eks"

    def __init__(self, name: str, args: EksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names, settings = args.site.names, args.settings
        key_policy = pulumi.Output.from_input(args.secrets_key_arn).apply(lambda arn: text(cluster_key(arn)))
        role = Role(
            self.child("role"),
            RoleArgs(
                site=args.site,
                purpose="cluster",
                description="Control plane",
                trust=trust_of_service("eks.amazonaws.com", names.account_id),
                policies={"envelope": key_policy},
                managed=["AmazonEKSClusterPolicy"],
            ),
            self.below(),
        )
        logs = log_group(
            self.child("logs"),
            names.cluster_log_group,
            args.site.logs.control_plane,
            args.log_key_arn,
            self.below(),
        )
        groups = self._private_access(args)
        public = [str(cidr) for cidr in settings.public_access_cidrs]
        cluster = aws.eks.Cluster(
            name,
            name=names.cluster,
            role_arn=role.arn,
            version=settings.version,
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            bootstrap_self_managed_addons=False,
            deletion_protection=args.site.protect,
            enabled_cluster_log_types=list(CONTROL_PLANE_LOGS),
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=args.secrets_key_arn),
                resources=["secrets"],
            ),
            kubernetes_network_config=aws.eks.ClusterKubernetesNetworkConfigArgs(
                ip_family="ipv4", service_ipv4_cidr=str(settings.service_cidr)
            ),
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=list(args.subnet_ids),
                security_group_ids=groups,
                endpoint_private_access=True,
                endpoint_public_access=bool(public),
                public_access_cidrs=public or None,
            ),
            zonal_shift_config=aws.eks.ClusterZonalShiftConfigArgs(enabled=True),
            opts=self.below(after=[*role.ready, logs], protect=args.site.protect),
        )
        self.cluster_name = cluster.name
        self.security_group_id = cluster.vpc_config.apply(
            # EKS makes one for every cluster; the SDK's type is of what is asked for, too.
            lambda config: cast("str", config.cluster_security_group_id)
        )
        aws.ec2.Tag(
            self.child("discovery"),
            resource_id=self.security_group_id,
            key=DISCOVERY_TAG,
            value=names.cluster,
            opts=self.below(),
        )
        self.ready: list[pulumi.Resource] = [cluster]
        github = [(names.deployer_arn, _ADMIN), (names.previewer_arn, _VIEW)] if settings.github else []
        people = [(arn, _ADMIN) for arn in settings.admins] + [(arn, _VIEW) for arn in settings.viewers]
        for arn, policy_arn in dict(github + people).items():
            self._admit(arn, policy_arn)
        self.kubeconfig: pulumi.Output[str] = pulumi.Output.all(
            name=cluster.name, endpoint=cluster.endpoint, authority=cluster.certificate_authority
        ).apply(
            lambda known: kubeconfig(
                known["name"],
                known["endpoint"],
                known["authority"]["data"],
                region=names.region,
                role_arn=settings.kubeconfig_role,
            )
        )
        self.register_outputs({"cluster_name": self.cluster_name})

    def _private_access(self, args: EksArgs) -> list[pulumi.Input[str]]:
        """Security groups that let deployments from within the VPC reach the private endpoint."""
        if args.runner_group_id is None:
            return []
        group = aws.ec2.SecurityGroup(
            self.child("api"),
            description="Kubernetes API: HTTPS from the jobs that deploy",
            vpc_id=args.vpc_id,
            tags={"Name": f"{args.site.names.prefix}-api"},
            opts=self.below(),
        )
        aws.vpc.SecurityGroupIngressRule(
            self.child("api-runner"),
            security_group_id=group.id,
            description="HTTPS from the jobs that deploy",
            referenced_security_group_id=args.runner_group_id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self.below(),
        )
        return [group.id]

    def _admit(self, role_arn: str, policy_arn: str) -> None:
        who = role_arn.rsplit("/", 1)[-1]
        entry = aws.eks.AccessEntry(
            self.child(who),
            cluster_name=self.cluster_name,
            principal_arn=role_arn,
            type="STANDARD",
            kubernetes_groups=[readers.GROUP] if policy_arn == _VIEW else None,
            opts=self.below(),
        )
        self.ready.append(
            aws.eks.AccessPolicyAssociation(
                self.child(who),
                cluster_name=self.cluster_name,
                principal_arn=entry.principal_arn,
                policy_arn=policy_arn,
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                opts=self.below(),
            )
        )
