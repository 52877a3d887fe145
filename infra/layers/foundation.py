"""What a stack has at AWS: which part gets which other's outputs, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.cluster import ClusterAccess
from infra.components.aws.account import AccountDefaults, AccountDefaultsArgs
from infra.components.aws.addons import BEFORE_NODES, ON_NODES, Addons, AddonsArgs
from infra.components.aws.audit import Audit, AuditArgs
from infra.components.aws.base import site
from infra.components.aws.buckets import Buckets, BucketsArgs
from infra.components.aws.budget import Budget, BudgetArgs
from infra.components.aws.edge import Edge, EdgeArgs
from infra.components.aws.eks import Eks, EksArgs
from infra.components.aws.github_oidc import GitHubOidc, GitHubOidcArgs
from infra.components.aws.karpenter import KarpenterAtAws, KarpenterAtAwsArgs
from infra.components.aws.keys import Keys, KeysArgs
from infra.components.aws.network import Network, NetworkArgs
from infra.components.aws.pod_rights import PodRights, PodRightsArgs
from infra.components.aws.pod_role import PodRole, PodRoleArgs
from infra.components.aws.provider import provider
from infra.components.aws.registry import Registry, RegistryArgs
from infra.components.aws.runner import Runner, RunnerArgs
from infra.components.aws.secrets import Secrets, SecretsArgs
from infra.components.aws.state import State, StateArgs
from infra.components.aws.system_nodes import SystemNodes, SystemNodesArgs
from infra.components.base import Component
from infra.manifests import postgres
from infra.names import Key
from infra.namespaces import VPC_CNI_ACCOUNT
from infra.settings.aws import Aws
from infra.settings.aws_cluster import EksSettings
from infra.settings.base import Labels
from workloads.kit.contracts.platform import egress_clients, roles, secrets


@dataclass(frozen=True, kw_only=True)
class FoundationArgs:
    """Args:
    settings: the parts that the stack has.
    running: names of what runs on the cluster; what is secret of each has an entry.
    more_roles: database roles that have one each, besides those.
    lake: workloads that keep objects in the warehouse's bucket.
    """

    labels: Labels
    settings: Aws
    running: Collection[str] = ()
    more_roles: Sequence[str] = ()
    lake: Sequence[str] = ()


class Foundation(Component):
    """Everything at AWS. `cluster` says how the cluster is reached, of a stack that has one.

    `outputs` are what people need of it: name servers for the parent zone, the state's address, roles.
    """

    TYPE: ClassVar[str] = "carbon:platform:Foundation"

    def __init__(self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        mine = pulumi.ResourceOptions(providers=[provider(args.labels, args.settings)])
        super().__init__(name, pulumi.ResourceOptions.merge(opts, mine))
        self._args = args
        self._settings = args.settings
        self._site = site(args.labels, args.settings)
        self._below = pulumi.ResourceOptions(parent=self)
        self.cluster: ClusterAccess | None = None
        self.outputs: dict[str, pulumi.Input[object]] = {}
        self._keys = Keys(
            "keys",
            KeysArgs(
                site=self._site,
                purposes=needed_keys(self._settings),
                deletion_days=self._settings.key_deletion_days,
            ),
            self._below,
        )
        self._build()
        self.register_outputs(self.outputs)

    def _build(self) -> None:
        buckets = self._storage()
        network = self._network()
        if network is not None and self._settings.cluster is not None:
            self._cluster(self._settings.cluster, network, buckets)
        if self._settings.budget is not None:
            Budget("budget", BudgetArgs(site=self._site, settings=self._settings.budget), self._below)
        self._deployment()

    def _network(self) -> Network | None:
        if self._settings.network is None:
            return None
        args = NetworkArgs(
            site=self._site, settings=self._settings.network, log_key_arn=self._keys.arn("logs")
        )
        return Network("network", args, self._below)

    def _storage(self) -> Buckets | None:
        """Images, objects and the trail."""
        s, keys = self._settings, self._keys
        if s.registry is not None:
            args = RegistryArgs(site=self._site, settings=s.registry, key_arn=keys.arn("images"))
            Registry("registry", args, self._below)
        if s.buckets is None:
            return None
        buckets = Buckets("buckets", BucketsArgs(site=self._site, settings=s.buckets, keys=keys), self._below)
        if s.audit is not None:
            Audit(
                "audit",
                AuditArgs(
                    site=self._site,
                    settings=s.audit,
                    bucket=buckets.made["audit"],
                    key_arn=keys.arn("audit"),
                    log_key_arn=keys.arn("logs"),
                ),
                self._below,
            )
        return buckets

    def _cluster(self, settings: EksSettings, network: Network, buckets: Buckets | None) -> None:
        site, keys = self._site, self._keys
        runner = self._runner(network)
        eks = Eks(
            "eks",
            EksArgs(
                site=site,
                settings=settings,
                vpc_id=network.vpc_id,
                subnet_ids=network.isolated_ids,
                secrets_key_arn=keys.arn("eks"),
                log_key_arn=keys.arn("logs"),
                runner_group_id=runner.security_group_id if runner is not None else None,
            ),
            self._below,
        )
        cni = PodRole(
            "vpc-cni",
            PodRoleArgs(
                site=site,
                cluster_name=eks.cluster_name,
                purpose="vpc-cni",
                description="Addresses of pods",
                account=VPC_CNI_ACCOUNT,
                managed=["AmazonEKS_CNI_Policy"],
            ),
            self._below,
        )
        before = Addons(
            "node-addons",
            AddonsArgs(
                site=site,
                cluster_name=eks.cluster_name,
                addons=BEFORE_NODES,
                versions=settings.addons,
            ),
            self._after(*cni.ready),
        )
        nodes = SystemNodes(
            "system-nodes",
            SystemNodesArgs(
                site=site,
                settings=settings.system_nodes,
                version=settings.version,
                cluster_name=eks.cluster_name,
                subnet_ids=network.private_ids,
                volume_key_arn=keys.arn("volumes"),
            ),
            self._after(*before.ready, *network.routes),
        )
        edge = self._edge(eks, network)
        rights = PodRights(
            "pods",
            PodRightsArgs(
                site=site,
                cluster_name=eks.cluster_name,
                keys=keys,
                buckets=buckets.made.keys() if buckets is not None else frozenset(),
                secrets=self._settings.secrets is not None,
                zone_arn=edge.zone_arn if edge is not None else None,
                lake=self._args.lake,
            ),
            self._below,
        )
        addons = Addons(
            "addons",
            AddonsArgs(site=site, cluster_name=eks.cluster_name, addons=ON_NODES, versions=settings.addons),
            self._after(*nodes.ready, *rights.ready),
        )
        AccountDefaults("account", AccountDefaultsArgs(site=site), self._below)
        karpenter = KarpenterAtAws(
            "karpenter",
            KarpenterAtAwsArgs(site=site, cluster_name=eks.cluster_name, volume_key_arn=keys.arn("volumes")),
            self._below,
        )
        ready = [*eks.ready, *nodes.ready, *addons.ready, *karpenter.ready, *rights.ready, *self._secrets()]
        self.cluster = ClusterAccess(
            kubeconfig=eks.kubeconfig,
            identifier=site.names.cluster,
            # Its interfaces, and the service's address for what a policy sees before it is translated.
            api_cidrs=[*map(str, network.isolated_cidrs), f"{settings.service_cidr[1]}/32"],
            network_cidrs=[str(network.cidr)],
            balancer_cidrs=[*map(str, network.public_cidrs)],
            ready=ready,
        )
        self.outputs["cluster"] = eks.cluster_name

    def _runner(self, network: Network) -> Runner | None:
        if self._settings.runner is None:
            return None
        args = RunnerArgs(
            site=self._site,
            settings=self._settings.runner,
            vpc_id=network.vpc_id,
            subnet_ids=network.private_ids,
            log_key_arn=self._keys.arn("logs"),
        )
        # Without the way out its first job would wait for nothing.
        return Runner("runner", args, self._after(*network.routes))

    def _secrets(self) -> list[pulumi.Resource]:
        if self._settings.secrets is None:
            return []
        args = SecretsArgs(
            site=self._site,
            settings=self._settings.secrets,
            roles=(postgres.SUPERUSER, *roles(self._args.running), *self._args.more_roles),
            clients=egress_clients(self._args.running),
            own=secrets(self._args.running),
            secrets_key_arn=self._keys.arn("secrets"),
            log_key_arn=self._keys.arn("logs"),
        )
        return Secrets("secrets", args, self._below).ready

    def _edge(self, eks: Eks, network: Network) -> Edge | None:
        if self._settings.edge is None:
            return None
        edge = Edge(
            "edge",
            EdgeArgs(
                site=self._site,
                settings=self._settings.edge,
                vpc_id=network.vpc_id,
                subnet_ids=network.public_ids,
                pods_group_id=eks.security_group_id,
                log_key_arn=self._keys.arn("logs"),
            ),
            self._below,
        )
        self.outputs["load_balancer"] = edge.address
        self.outputs["name_servers"] = edge.name_servers
        return edge

    def _deployment(self) -> None:
        """What deployments themselves need: the state's place, and roles for GitHub."""
        s = self._settings
        if s.state is not None:
            args = StateArgs(site=self._site, settings=s.state, key_arn=self._keys.arn("state"))
            state = State("state", args, self._below)
            self.outputs["backend"] = state.backend
            self.outputs["secrets_provider"] = state.secrets_provider
        if s.github is not None:
            github = GitHubOidc(
                "github",
                GitHubOidcArgs(site=self._site, settings=s.github, state_key_arn=self._keys.arn("state")),
                self._below,
            )
            self.outputs["github_roles"] = github.role_arns

    def _after(self, *others: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(others))


def needed_keys(settings: Aws) -> list[Key]:
    """Keys that a stack's parts encrypt with."""
    buckets = settings.buckets
    needed: dict[Key, bool] = {
        "eks": settings.cluster is not None,
        "volumes": settings.cluster is not None,
        "storage": buckets is not None and bool(buckets.recovery or buckets.mlflow or buckets.warehouse),
        "secrets": settings.secrets is not None,
        "logs": any((settings.network, settings.secrets, settings.audit, settings.edge)),
        "images": settings.registry is not None,
        "audit": buckets is not None and buckets.audit is not None,
        "state": settings.state is not None,
    }
    return [purpose for purpose, is_needed in needed.items() if is_needed]
