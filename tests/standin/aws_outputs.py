"""What AWS would answer: identifiers, ARNs and addresses in the shape that each service gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.standin import sdk, values, wire
from tests.standin.values import Seed

ACCOUNT: Final = "123456789012"
"""Where a provider names no account."""

REGION: Final = "eu-central-1"
"""Where a provider names no region."""

EPOCH: Final = "2026-01-01T00:00:00Z"
"""When everything was made."""


@dataclass(frozen=True)
class Place:
    """The account and the region of a provider, and the tags that it puts on everything."""

    account: str = ACCOUNT
    region: str = REGION
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Shape:
    """How a type's values look. Templates know the place, the resource's inputs and parts of its seed.

    Attributes:
        id: the identifier; `{arn}` where it is the ARN.
        arn: the ARN after `arn:aws:`.
        outputs: other computed properties: template, or function of the words that templates know.
        within: what is computed inside of an object that the program gives: its name → property → template.
    """

    id: str = "{name}"
    arn: str = ""
    outputs: Mapping[str, str | Callable[[Words], Any]] = field(
        default_factory=dict[str, "str | Callable[[Words], Any]"]
    )
    within: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])


class Words(dict[str, Any]):
    """What a template may name; what a resource lacks reads as its seed's digits."""

    def __init__(self, name: str, inputs: Mapping[str, Any], place: Place, at: Seed) -> None:
        super().__init__(inputs)
        self.at = at
        given = next((inputs[k] for k in ("name", "bucket", "namePrefix") if inputs.get(k)), None)
        self |= {
            "account": place.account,
            "region": inputs.get("region") or place.region,
            "name": given or f"{name}-{at.hex(7)}",
            "uuid": at.uuid,
            "hex6": at.hex(6),
            "hex8": at.hex(8),
            "hex16": at.hex(16),
            "hex17": at.hex(17),
            "hex32": at.hex(32),
            "HEX13": at.hex(13).upper(),
            "HEX17": at.hex(17).upper(),
            "HEX32": at.hex(32).upper(),
            "octet": str(at.number(254) + 1),
        }

    def __missing__(self, key: str) -> str:
        return self.at.of(key).hex(8)

    def text(self, template: str) -> str:
        return template.format_map(self)


def identifier(token: str, words: Words) -> str:
    """The id that AWS would give."""
    shape = SHAPES.get(token, Shape())
    return words.text(shape.id)


def arn(token: str, words: Words) -> str:
    """The ARN that AWS would give."""
    if template := SHAPES.get(token, Shape()).arn:
        return "arn:aws:" + words.text(template)
    module, kind = token.split(":")[1].split("/")
    return words.text(
        f"arn:aws:{_SERVICES.get(module, module)}:{{region}}:{{account}}:{kind.lower()}/{{name}}"
    )


def outputs(token: str, words: Words, given: Mapping[str, Any], at: Seed) -> dict[str, Any]:
    """Every output: what was given, and what AWS computes.

    Args:
        given: the inputs, marks included.
    """
    resource = sdk.resource_class(token)
    assert resource is not None, token
    accepted, shown = sdk.inputs(sdk.arguments(token)), sdk.outputs(resource)
    words["arn"] = arn(token, words)
    words["id"] = identifier(token, words)
    shape = SHAPES.get(token, Shape())
    own = shape.outputs
    made: dict[str, Any] = {}
    for name, of in shown.items():
        if name in given and name in accepted:
            made[name] = values.completed(given[name], of, accepted[name], at.of(name))
        elif name in own:
            template = own[name]
            made[name] = words.text(template) if isinstance(template, str) else template(words)
        elif name in _COMPUTED and (name not in accepted or name in _DEFAULTED):
            made[name] = words.text(_COMPUTED[name])
        elif name not in accepted and name not in given:
            made[name] = values.made_up(of, name, at)
    for name, computed in shape.within.items():
        if isinstance(made.get(name), dict) and not wire.is_marked(made[name]):
            made[name] = {key: words.text(text) for key, text in computed.items()} | made[name]
    return dict(given) | made


def tags(place: Place, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's own tags over its provider's."""
    own = inputs.get("tags") or {}
    return dict(place.tags) | (wire.plain(own) if isinstance(own, dict) else {})


_COMPUTED: Final[Mapping[str, str]] = {
    "accountId": "{account}",
    "arn": "{arn}",
    "bucket": "{name}",
    "createDate": EPOCH,
    "createdAt": EPOCH,
    "createdDate": EPOCH,
    "creationDate": EPOCH,
    "homeRegion": "{region}",
    "modifiedAt": EPOCH,
    "name": "{name}",
    "ownerAccountId": "{account}",
    "ownerId": "{account}",
    "region": "{region}",
    "registryId": "{account}",
    "status": "ACTIVE",
}
"""By property, for every type."""

_DEFAULTED: Final = frozenset({"bucket", "name", "region"})
"""Those that the provider fills in where the program gives none."""

_SERVICES: Final[Mapping[str, str]] = {
    "alb": "elasticloadbalancing",
    "apigatewayv2": "apigateway",
    "cfg": "config",
    "lb": "elasticloadbalancing",
    "msk": "kafka",
    "opensearch": "es",
}
"""Module of the SDK → service in an ARN, where they differ."""


def _ec2(prefix: str, kind: str, **more: str | Callable[[Words], Any]) -> Shape:
    return Shape(f"{prefix}-{{hex17}}", f"ec2:{{region}}:{{account}}:{kind}/{prefix}-{{hex17}}", more)


def _of_cluster(kind: str, key: str, **more: str | Callable[[Words], Any]) -> Shape:
    return Shape(
        f"{{clusterName}}:{{{key}}}",
        f"eks:{{region}}:{{account}}:{kind}/{{clusterName}}/{{{key}}}/{{uuid}}",
        more,
    )


def _validation_options(words: Words) -> list[dict[str, str]]:
    names = [words["domainName"], *(words.get("subjectAlternativeNames") or [])]
    return [
        {
            "domainName": name,
            "resourceRecordName": f"_{words.at.of(name).hex(32)}.{name.removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{words.at.of(name).of('value').hex(32)}.acm-validations.aws.",
        }
        for name in dict.fromkeys(names)
    ]


def _issuer(words: Words) -> str:
    return words.text("https://oidc.eks.{region}.amazonaws.com/id/{HEX32}")


def _name_servers(words: Words) -> list[str]:
    return [f"ns-{words.at.of(str(n)).number(2048)}.awsdns-{n:02}.org" for n in range(4)]


_BALANCER: Final = Shape(
    "{arn}",
    "elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hex16}",
    {
        "arnSuffix": "app/{name}/{hex16}",
        "dnsName": "{name}-{octet}.{region}.elb.amazonaws.com",
        "zoneId": "Z{HEX13}",
    },
)
_TARGETS: Final = Shape(
    "{arn}",
    "elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hex16}",
    {"arnSuffix": "targetgroup/{name}/{hex16}", "loadBalancerArns": lambda _: []},
)
_LISTENER: Final = Shape("{arn}", "elasticloadbalancing:{region}:{account}:listener/app/{name}/{hex16}")
_OF_BUCKET: Final = Shape("{bucket}")

SHAPES: Final[Mapping[str, Shape]] = {
    "aws:acm/certificate:Certificate": Shape(
        "{arn}",
        "acm:{region}:{account}:certificate/{uuid}",
        {
            "domainValidationOptions": _validation_options,
            "status": "ISSUED",
            "renewalEligibility": "ELIGIBLE",
        },
    ),
    "aws:acm/certificateValidation:CertificateValidation": Shape("{certificateArn}"),
    "aws:backup/vault:Vault": Shape("{name}", "backup:{region}:{account}:backup-vault:{name}"),
    "aws:budgets/budget:Budget": Shape("{account}:{name}", "budgets::{account}:budget/{name}"),
    "aws:cloudtrail/trail:Trail": Shape("{arn}", "cloudtrail:{region}:{account}:trail/{name}"),
    "aws:cloudwatch/eventRule:EventRule": Shape("{name}", "events:{region}:{account}:rule/{name}"),
    "aws:cloudwatch/eventTarget:EventTarget": Shape("{rule}-{hex8}", "events:{region}:{account}:rule/{rule}"),
    "aws:cloudwatch/logGroup:LogGroup": Shape("{name}", "logs:{region}:{account}:log-group:{name}"),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": Shape("{policyName}"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Shape("{name}", "cloudwatch:{region}:{account}:alarm:{name}"),
    "aws:dynamodb/table:Table": Shape("{name}", "dynamodb:{region}:{account}:table/{name}"),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": _ec2("acl", "network-acl"),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": _ec2("rtb", "route-table"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/eip:Eip": _ec2(
        "eipalloc",
        "elastic-ip",
        allocationId="eipalloc-{hex17}",
        associationId="eipassoc-{hex17}",
        publicIp="198.51.100.{octet}",
        privateIp="",
        publicDns="ec2-198-51-100-{octet}.{region}.compute.amazonaws.com",
    ),
    "aws:ec2/flowLog:FlowLog": _ec2("fl", "vpc-flow-log"),
    "aws:ec2/instance:Instance": _ec2("i", "instance", privateIp="10.0.0.{octet}"),
    "aws:ec2/internetGateway:InternetGateway": _ec2("igw", "internet-gateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _ec2(
        "lt", "launch-template", latestVersion=lambda _: 1, defaultVersion=lambda _: 1
    ),
    "aws:ec2/natGateway:NatGateway": _ec2(
        "nat",
        "natgateway",
        publicIp="198.51.100.{octet}",
        networkInterfaceId="eni-{hex17}",
        associationId="eipassoc-{hex17}",
    ),
    "aws:ec2/networkAcl:NetworkAcl": _ec2("acl", "network-acl"),
    "aws:ec2/route:Route": Shape(
        "r-{routeTableId}{hex8}", outputs={"origin": "CreateRoute", "state": "active"}
    ),
    "aws:ec2/routeTable:RouteTable": _ec2("rtb", "route-table"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Shape("rtbassoc-{hex17}"),
    "aws:ec2/securityGroup:SecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": Shape(
        "sgrule-{hex8}", outputs={"securityGroupRuleId": "sgr-{hex17}"}
    ),
    "aws:ec2/subnet:Subnet": _ec2(
        "subnet", "subnet", availabilityZoneId=lambda words: zone_id(str(words["availabilityZone"]))
    ),
    "aws:ec2/tag:Tag": Shape("{resourceId},{key}"),
    "aws:ec2/vpc:Vpc": _ec2(
        "vpc",
        "vpc",
        defaultNetworkAclId="acl-{hex17}",
        defaultRouteTableId="rtb-{hex17}",
        defaultSecurityGroupId="sg-{hex17}",
        mainRouteTableId="rtb-{hex17}",
        dhcpOptionsId="dopt-{hex17}",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2(
        "vpce", "vpc-endpoint", prefixListId="pl-{hex8}", state="available", cidrBlocks=lambda _: []
    ),
    "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation": Shape("a-{hex8}"),
    "aws:ebs/encryptionByDefault:EncryptionByDefault": Shape("{hex8}"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Shape("{repository}"),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": Shape("{account}"),
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": Shape("{account}"),
    "aws:ecr/repository:Repository": Shape(
        "{name}",
        "ecr:{region}:{account}:repository/{name}",
        {"repositoryUrl": "{account}.dkr.ecr.{region}.amazonaws.com/{name}"},
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Shape("{repository}"),
    "aws:eks/accessEntry:AccessEntry": _of_cluster("access-entry", "principalArn"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Shape(
        "{clusterName}#{principalArn}#{policyArn}"
    ),
    "aws:eks/addon:Addon": _of_cluster("addon", "addonName"),
    "aws:eks/cluster:Cluster": Shape(
        "{name}",
        "eks:{region}:{account}:cluster/{name}",
        {
            "certificateAuthority": lambda w: {"data": values.certificate(w.at)},
            "endpoint": "https://{HEX32}.gr7.{region}.eks.amazonaws.com",
            "identities": lambda w: [{"oidcs": [{"issuer": _issuer(w)}]}],
            "platformVersion": "eks.1",
        },
        {"vpcConfig": {"clusterSecurityGroupId": "sg-{hex17}", "vpcId": "vpc-{hex17}"}},
    ),
    "aws:eks/nodeGroup:NodeGroup": _of_cluster(
        "nodegroup",
        "nodeGroupName",
        resources=lambda w: [
            {"autoscalingGroups": [{"name": w.text("eks-{uuid}")}], "remoteAccessSecurityGroupId": ""}
        ],
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Shape(
        "a-{hex17}",
        "",
        {
            "associationArn": "arn:aws:eks:{region}:{account}:podidentityassociation/{clusterName}/a-{hex17}",
            "associationId": "a-{hex17}",
        },
    ),
    "aws:iam/instanceProfile:InstanceProfile": Shape(
        "{name}", "iam::{account}:instance-profile/{name}", {"uniqueId": "AIPA{HEX17}"}
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Shape(
        "{arn}", "iam::{account}:oidc-provider/{host}"
    ),
    "aws:iam/policy:Policy": Shape(
        "{arn}", "iam::{account}:policy/{name}", {"policyId": "ANPA{HEX17}", "path": "/"}
    ),
    "aws:iam/role:Role": Shape(
        "{name}", "iam::{account}:role/{name}", {"uniqueId": "AROA{HEX17}", "path": "/"}
    ),
    "aws:iam/rolePolicy:RolePolicy": Shape("{role}:{name}"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Shape("{role}/{policyArn}"),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": Shape(
        "{arn}", "iam::{account}:role/aws-service-role/{awsServiceName}/{name}"
    ),
    "aws:kms/alias:Alias": Shape("{name}", "kms:{region}:{account}:{name}"),
    "aws:kms/key:Key": Shape("{uuid}", "kms:{region}:{account}:key/{uuid}", {"keyId": "{uuid}"}),
    "aws:kms/keyPolicy:KeyPolicy": Shape("{keyId}"),
    "aws:kms/replicaKey:ReplicaKey": Shape(
        "{uuid}", "kms:{region}:{account}:key/{uuid}", {"keyId": "{uuid}"}
    ),
    "aws:lambda/function:Function": Shape("{name}", "lambda:{region}:{account}:function:{name}"),
    "aws:lambda/invocation:Invocation": Shape(
        "{functionName}_{qualifier}_{hex32}", outputs={"result": "{{}}"}
    ),
    "aws:lambda/permission:Permission": Shape("{statementId}"),
    "aws:lb/listener:Listener": _LISTENER,
    "aws:lb/listenerRule:ListenerRule": Shape(
        "{arn}", "elasticloadbalancing:{region}:{account}:listener-rule/app/{hex16}"
    ),
    "aws:lb/loadBalancer:LoadBalancer": _BALANCER,
    "aws:lb/targetGroup:TargetGroup": _TARGETS,
    "aws:alb/listener:Listener": _LISTENER,
    "aws:alb/loadBalancer:LoadBalancer": _BALANCER,
    "aws:alb/targetGroup:TargetGroup": _TARGETS,
    "aws:rds/cluster:Cluster": Shape(
        "{clusterIdentifier}", "rds:{region}:{account}:cluster:{clusterIdentifier}"
    ),
    "aws:rds/instance:Instance": Shape("db-{HEX17}", "rds:{region}:{account}:db:{identifier}"),
    "aws:route53/record:Record": Shape("{zoneId}_{name}_{type}", outputs={"fqdn": "{name}"}),
    "aws:route53/zone:Zone": Shape(
        "Z{HEX13}",
        "route53:::hostedzone/Z{HEX13}",
        {
            "nameServers": _name_servers,
            "primaryNameServer": lambda w: _name_servers(w)[0],
            "zoneId": "Z{HEX13}",
        },
    ),
    "aws:s3/bucket:Bucket": Shape(
        "{name}",
        "s3:::{name}",
        {
            "bucketDomainName": "{name}.s3.amazonaws.com",
            "bucketRegion": "{region}",
            "bucketRegionalDomainName": "{name}.s3.{region}.amazonaws.com",
            "hostedZoneId": "Z{HEX13}",
        },
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _OF_BUCKET,
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _OF_BUCKET,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _OF_BUCKET,
    "aws:s3/bucketPolicy:BucketPolicy": _OF_BUCKET,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _OF_BUCKET,
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _OF_BUCKET,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _OF_BUCKET,
    "aws:s3/bucketVersioning:BucketVersioning": _OF_BUCKET,
    "aws:secretsmanager/secret:Secret": Shape(
        "{arn}", "secretsmanager:{region}:{account}:secret:{name}-{hex6}"
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Shape("{secretArn}"),
    "aws:secretsmanager/secretRotation:SecretRotation": Shape("{secretId}"),
    "aws:secretsmanager/secretVersion:SecretVersion": Shape(
        "{secretId}|{uuid}", "", {"versionId": "{uuid}", "arn": "{secretId}"}
    ),
    "aws:sns/topic:Topic": Shape("{arn}", "sns:{region}:{account}:{name}", {"owner": "{account}"}),
    "aws:sqs/queue:Queue": Shape(
        "https://sqs.{region}.amazonaws.com/{account}/{name}",
        "sqs:{region}:{account}:{name}",
        {"url": "https://sqs.{region}.amazonaws.com/{account}/{name}"},
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Shape("{queueUrl}"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _ec2(
        "sgr", "security-group-rule", securityGroupRuleId="sgr-{hex17}"
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _ec2(
        "sgr", "security-group-rule", securityGroupRuleId="sgr-{hex17}"
    ),
    "aws:wafv2/ipSet:IpSet": Shape("{uuid}", "wafv2:{region}:{account}:regional/ipset/{name}/{uuid}"),
    "aws:wafv2/webAcl:WebAcl": Shape("{uuid}", "wafv2:{region}:{account}:regional/webacl/{name}/{uuid}"),
    "aws:wafv2/webAclAssociation:WebAclAssociation": Shape("{webAclArn},{resourceArn}"),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": Shape("{resourceArn}"),
}
"""The types that are known. Others get the name as identifier and an ARN made from their module and name."""


def zone_id(zone: str) -> str:
    """The zone's id of the account that zones are numbered by: `eu-central-1a` → `euc1-az1`."""
    *area, number = zone[:-1].split("-")
    return "".join(part[0] if i else part for i, part in enumerate(area)) + f"{number}-az{ord(zone[-1]) - 96}"
