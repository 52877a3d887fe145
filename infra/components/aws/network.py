"""The network."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.log_group import log_group
from infra.components.aws.role import Role, RoleArgs
from infra.components.aws.subnets import tiers
from infra.manifests.iam import services
from infra.manifests.iam.document import text, trust_of_service
from infra.names import DISCOVERY_TAG
from infra.settings.aws_cluster import NetworkSettings

FLOW_LOGS = "flow-logs"


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Args:
    log_key_arn: key of the flow logs.
    """

    site: AwsSite
    settings: NetworkSettings
    log_key_arn: pulumi.Input[str]


class Network(AwsComponent):
    """A VPC with a public, a private and an isolated subnet in each zone.

    `routes` is what a node needs before it can reach anything; `isolated_cidrs` are where the control plane
    and the endpoints answer.
    """

    TYPE: ClassVar[str] = "carbon:aws:Network"

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._names = args.site.names
        self._settings = args.settings
        divided = tiers(args.settings.cidr, len(args.settings.zones))
        self.cidr = args.settings.cidr
        self.isolated_cidrs = divided.isolated
        self.public_cidrs = divided.public
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=str(args.settings.cidr),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": self._names.vpc},
            opts=self.below(),
        )
        self.vpc_id = vpc.id
        # Without rules it lets nothing in or out: each resource has a group of its own.
        aws.ec2.DefaultSecurityGroup(name, vpc_id=vpc.id, opts=self.below())
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, opts=self.below())

        public = self._subnets("public", divided.public, {"kubernetes.io/role/elb": "1"})
        private = self._subnets(
            "private",
            divided.private,
            {"kubernetes.io/role/internal-elb": "1", DISCOVERY_TAG: self._names.cluster},
        )
        isolated = self._subnets("isolated", divided.isolated, {})
        self.public_ids = [subnet.id for subnet in public.values()]
        self.private_ids = [subnet.id for subnet in private.values()]
        self.isolated_ids = [subnet.id for subnet in isolated.values()]

        self.routes: list[pulumi.Resource] = []
        out = self._table("public", "public", public)
        self._route("public", out, gateway_id=gateway.id)
        nats = self._nats(public, gateway)
        tables: list[aws.ec2.RouteTable] = []
        for index, (zone, subnet) in enumerate(private.items()):
            table = self._table("private", f"private-{zone}", {zone: subnet})
            if nats:
                self._route(f"private-{zone}", table, nat_gateway_id=nats[index % len(nats)].id)
            tables.append(table)
        tables.append(self._table("isolated", "isolated", isolated))
        self._endpoints(tables)
        self._flow_logs(vpc, args)
        self.register_outputs({"vpc_id": self.vpc_id})

    def _subnets(
        self, tier: str, cidrs: list[IPv4Network], tags: dict[str, str]
    ) -> dict[str, aws.ec2.Subnet]:
        return {
            zone: aws.ec2.Subnet(
                self.child(f"{tier}-{zone}"),
                vpc_id=self.vpc_id,
                cidr_block=str(cidr),
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags={"Name": f"{self._names.prefix}-{tier}-{zone}", **tags},
                opts=self.below(),
            )
            for zone, cidr in zip(self._settings.zones, cidrs, strict=True)
        }

    def _nats(
        self, public: dict[str, aws.ec2.Subnet], gateway: aws.ec2.InternetGateway
    ) -> list[aws.ec2.NatGateway]:
        made: list[aws.ec2.NatGateway] = []
        placed = list(public.items())
        for zone, subnet in placed[: self._settings.gateways]:
            address = aws.ec2.Eip(self.child(f"nat-{zone}"), domain="vpc", opts=self.below(after=[gateway]))
            made.append(
                aws.ec2.NatGateway(
                    self.child(f"nat-{zone}"),
                    subnet_id=subnet.id,
                    allocation_id=address.allocation_id,
                    tags={"Name": f"{self._names.prefix}-{zone}"},
                    opts=self.below(after=[gateway]),
                )
            )
        return made

    def _table(self, tier: str, suffix: str, subnets: dict[str, aws.ec2.Subnet]) -> aws.ec2.RouteTable:
        table = aws.ec2.RouteTable(
            self.child(suffix),
            vpc_id=self.vpc_id,
            tags={"Name": f"{self._names.prefix}-{suffix}"},
            opts=self.below(),
        )
        for zone, subnet in subnets.items():
            self.routes.append(
                aws.ec2.RouteTableAssociation(
                    self.child(f"{tier}-{zone}"),
                    route_table_id=table.id,
                    subnet_id=subnet.id,
                    opts=self.below(),
                )
            )
        return table

    def _route(
        self,
        suffix: str,
        table: aws.ec2.RouteTable,
        *,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> None:
        self.routes.append(
            aws.ec2.Route(
                self.child(suffix),
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                gateway_id=gateway_id,
                nat_gateway_id=nat_gateway_id,
                opts=self.below(),
            )
        )

    def _endpoints(self, tables: list[aws.ec2.RouteTable]) -> None:
        for service in ("s3", "dynamodb"):
            self.routes.append(
                aws.ec2.VpcEndpoint(
                    self.child(service),
                    vpc_id=self.vpc_id,
                    service_name=f"com.amazonaws.{self._names.region}.{service}",
                    vpc_endpoint_type="Gateway",
                    route_table_ids=[table.id for table in tables],
                    tags={"Name": f"{self._names.prefix}-{service}"},
                    opts=self.below(),
                )
            )
        if not self._settings.endpoints:
            return
        group = aws.ec2.SecurityGroup(
            self.child("endpoints"),
            description="Interface endpoints: HTTPS from within the network",
            vpc_id=self.vpc_id,
            tags={"Name": f"{self._names.prefix}-endpoints"},
            opts=self.below(),
        )
        aws.vpc.SecurityGroupIngressRule(
            self.child("endpoints"),
            security_group_id=group.id,
            description="HTTPS from within the network",
            cidr_ipv4=str(self._settings.cidr),
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self.below(),
        )
        for service in self._settings.endpoints:
            self.routes.append(
                aws.ec2.VpcEndpoint(
                    self.child(service),
                    vpc_id=self.vpc_id,
                    service_name=f"com.amazonaws.{self._names.region}.{service}",
                    vpc_endpoint_type="Interface",
                    private_dns_enabled=True,
                    subnet_ids=self.isolated_ids,
                    security_group_ids=[group.id],
                    tags={"Name": f"{self._names.prefix}-{service}"},
                    opts=self.below(),
                )
            )

    def _flow_logs(self, vpc: aws.ec2.Vpc, args: NetworkArgs) -> None:
        names = self._names
        group = log_group(
            self.child(FLOW_LOGS),
            names.log_group(FLOW_LOGS),
            args.site.logs.network,
            args.log_key_arn,
            self.below(),
        )
        writer = Role(
            self.child(FLOW_LOGS),
            RoleArgs(
                site=args.site,
                purpose=FLOW_LOGS,
                description="VPC flow logs",
                trust=trust_of_service("vpc-flow-logs.amazonaws.com", names.account_id),
                policies={"deliver": text(services.log_delivery(names, FLOW_LOGS))},
            ),
            self.below(),
        )
        aws.ec2.FlowLog(
            self._name,
            vpc_id=vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=writer.arn,
            # Ten minutes: a tenth of the records, and a tenth of their cost.
            max_aggregation_interval=600,
            opts=self.below(after=writer.ready),
        )
