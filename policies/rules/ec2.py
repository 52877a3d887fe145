"""Networks and machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from policies.examples import aws, kubernetes, obj
from policies.limits import Limits
from policies.networks import is_most
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
INSTANCE = "aws:ec2/instance:Instance"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"

FSBP = "AWS Foundational Security Best Practices"


def _open_ingress(resource: Resource, _: Limits) -> Iterator[str]:
    if resource.type == GROUP_RULE and resource.get("type") != "ingress":
        return
    blocks: Sequence[Mapping[str, Any]] = (
        resource.get("ingress", []) if resource.type in {GROUP, DEFAULT_GROUP} else [resource.props]
    )
    for block in blocks:
        networks: list[str] = [*(block.get("cidrBlocks") or []), *(block.get("ipv6CidrBlocks") or [])]
        networks += [n for n in (block.get("cidrIpv4"), block.get("cidrIpv6")) if n]
        if any(is_most(network) for network in networks):
            yield f"port {_whole(block.get('fromPort'))} is open to everybody"


def _whole(number: Any) -> str:
    return "any" if number is None else str(int(number))


def _default(resource: Resource, _: Limits) -> Iterator[str]:
    if resource.type != DEFAULT_GROUP:
        yield f"it takes over the account's {resource.type.rsplit(':', 1)[-1]}"
    elif resource.get("ingress") or resource.get("egress"):
        yield "the default security group lets something through"


def _public_addresses(subnet: Resource, _: Limits) -> Iterator[str]:
    if subnet.get("mapPublicIpOnLaunch"):
        yield "mapPublicIpOnLaunch is set"


def _unlogged(stack: Stack, _: Limits) -> Iterator[Finding]:
    logs = list(stack.of(FLOW_LOG))
    for vpc in stack.of(VPC):
        mine = [log for log in logs if log.refers_to("vpcId", vpc)]
        if not any(log.get("trafficType") in {"ALL", "REJECT"} for log in mine):
            yield Finding(vpc, "it has no FlowLog of what is refused")


def _metadata(machine: Resource, _: Limits) -> Iterator[str]:
    options = "spec.metadataOptions" if machine.is_object else "metadataOptions"
    if machine.get(f"{options}.httpTokens") != "required":
        yield "metadataOptions.httpTokens is not required"
    if int(machine.get(f"{options}.httpPutResponseHopLimit", 1)) > 1:
        yield "metadataOptions.httpPutResponseHopLimit above 1 lets pods ask for the node's role"


def _types(resource: Resource, limits: Limits) -> Iterator[str]:
    for wanted in _wanted(resource):
        if not any(_within(wanted, allowed) for allowed in limits.instances):
            yield f"{wanted} is not among {', '.join(limits.instances) or 'what the stack may use: nothing'}"


def _within(wanted: str, allowed: str) -> bool:
    """Whether a type is allowed; a whole family is only where the whole family is."""
    return wanted == allowed or (not wanted.endswith("*") and fnmatchcase(wanted, allowed))


def _wanted(resource: Resource) -> list[str]:
    """Instance types, or `family.*`, that a resource may start; `any` where it leaves that open."""
    if not resource.is_object:
        single = resource.get("instanceType")
        return [*resource.get("instanceTypes", []), *([single] if single else [])]
    found: list[str] = []
    requirements: Sequence[Mapping[str, Any]] = resource.get("spec.template.spec.requirements", [])
    for requirement in requirements:
        if requirement.get("operator") == "In":
            values: list[str] = requirement.get("values", [])
            match requirement.get("key"):
                case "node.kubernetes.io/instance-type":
                    return list(values)
                case "karpenter.k8s.aws/instance-family":
                    found = [f"{family}.*" for family in values]
                case _:
                    pass
    return found or ["any"]


def _group(**ingress: Any) -> Resource:
    rule = {"protocol": "tcp", "fromPort": 443.0, "toPort": 443.0, **ingress}
    return aws(GROUP, ingress=[rule])


def _machine(**options: Any) -> Resource:
    return aws(
        TEMPLATE, metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 1.0, **options}
    )


def _pool(key: str, *values: str) -> Resource:
    requirements = [{"key": key, "operator": "In", "values": list(values)}]
    return kubernetes(
        obj(
            "karpenter.sh/v1",
            "NodePool",
            namespace=None,
            spec={"template": {"spec": {"requirements": requirements}}},
        )
    )


def _flow_log(**props: Any) -> Resource:
    return aws(FLOW_LOG, **{"vpcId": aws(VPC), "trafficType": "ALL", **props})


RULES = (
    ResourceRule(
        id="sg-no-open-ingress",
        source=f"{FSBP} EC2.18, EC2.19",
        title="no security group lets everybody in",
        remedy="name networks or another security group; the public load balancer is excepted by name",
        types=frozenset({GROUP, DEFAULT_GROUP, GROUP_RULE, INGRESS}),
        check=_open_ingress,
        passes=(
            _group(cidrBlocks=["10.0.0.0/8"]),
            aws(GROUP_RULE, type="egress", cidrBlocks=["0.0.0.0/0"]),
            aws(INGRESS, cidrIpv4="192.0.2.0/24"),
        ),
        refuses=(
            _group(cidrBlocks=["0.0.0.0/0"]),
            _group(ipv6CidrBlocks=["::/0"]),
            _group(cidrBlocks=["0.0.0.0/1", "128.0.0.0/1"]),
            aws(GROUP_RULE, type="ingress", fromPort=22.0, cidrBlocks=["0.0.0.0/0"]),
            aws(INGRESS, cidrIpv4="0.0.0.0/0"),
            aws(INGRESS, cidrIpv6="::/0", fromPort=22.0),
        ),
    ),
    ResourceRule(
        id="default-network-unused",
        source=f"{FSBP} EC2.2",
        title="nothing uses the account's default network",
        remedy="make a VPC; close its default security group by one without rules",
        types=frozenset(
            {
                DEFAULT_GROUP,
                "aws:ec2/defaultVpc:DefaultVpc",
                "aws:ec2/defaultSubnet:DefaultSubnet",
                "aws:ec2/defaultRouteTable:DefaultRouteTable",
                "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
            }
        ),
        check=_default,
        passes=(aws(DEFAULT_GROUP, vpcId=aws(VPC)),),
        refuses=(aws("aws:ec2/defaultVpc:DefaultVpc"), aws(DEFAULT_GROUP, egress=[{"protocol": "-1"}])),
    ),
    ResourceRule(
        id="subnet-no-public-addresses",
        source=f"{FSBP} EC2.15",
        title="what starts in a subnet gets no public address by itself",
        remedy="remove mapPublicIpOnLaunch; load balancers and NAT gateways have addresses of their own",
        types=frozenset({SUBNET}),
        check=_public_addresses,
        passes=(aws(SUBNET, mapPublicIpOnLaunch=False),),
        refuses=(aws(SUBNET, mapPublicIpOnLaunch=True),),
    ),
    StackRule(
        id="vpc-flow-logs",
        source=f"{FSBP} EC2.6",
        title="what a network refuses is logged",
        remedy="add a FlowLog on the VPC with trafficType ALL or REJECT",
        about=(VPC, FLOW_LOG),
        check=_unlogged,
        passes=((aws(VPC), _flow_log()),),
        refuses=(
            (aws(VPC),),
            (aws(VPC), _flow_log(vpcId=aws(VPC, "other"))),
            (aws(VPC), _flow_log(trafficType="ACCEPT")),
        ),
    ),
    ResourceRule(
        id="instance-metadata-v2",
        source=f"{FSBP} EC2.8, EKS Best Practices Guide: identity and access",
        title="a node's metadata is handed out by token, and to no pod",
        remedy="set metadataOptions: httpTokens required, httpPutResponseHopLimit 1",
        types=frozenset({TEMPLATE, INSTANCE, NODE_CLASS}),
        check=_metadata,
        passes=(_machine(),),
        refuses=(
            _machine(httpTokens="optional"),
            _machine(httpPutResponseHopLimit=2.0),
            aws(TEMPLATE),
            kubernetes(obj("karpenter.k8s.aws/v1", "EC2NodeClass", namespace=None, spec={})),
        ),
    ),
    ResourceRule(
        id="instance-type-allowed",
        source="AWS Well-Architected, Cost Optimization Pillar COST02",
        title="machines are of the types that the stack may use",
        remedy="choose one of them, or add the type to policies/limits.yaml",
        types=frozenset({TEMPLATE, INSTANCE, NODE_GROUP, NODE_POOL}),
        check=_types,
        passes=(
            aws(NODE_GROUP, instanceTypes=["m7g.large"]),
            aws(TEMPLATE, instanceType="t4g.medium"),
            aws(TEMPLATE),
            _pool("karpenter.k8s.aws/instance-family", "m7g"),
            _pool("node.kubernetes.io/instance-type", "m7g.large", "t4g.medium"),
        ),
        refuses=(
            aws(NODE_GROUP, instanceTypes=["m7g.large", "p5.48xlarge"]),
            aws(INSTANCE, instanceType="t4g.2xlarge"),
            _pool("karpenter.k8s.aws/instance-family", "t4g"),
            _pool("karpenter.k8s.aws/instance-category", "m"),
        ),
    ),
)
